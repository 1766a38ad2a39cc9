/* Answers and questions: small things that all of report/serve use. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "report/serve/private.h"
#include "score/json_writer.h"
#include "score/wording.h"

const char *hedon_asked_argument(const HedonAsked *asked, const char *name)
{
    return MHD_lookup_connection_value(asked->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *hedon_asked_header(const HedonAsked *asked, const char *name)
{
    return MHD_lookup_connection_value(asked->connection, MHD_HEADER_KIND, name);
}

int hedon_whole_number(const char *text, int64_t *number)
{
    int64_t value = 0;
    if (!text || !*text) return 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return 0;
        value = 10 * value + (*text - '0');
        if (value > (INT64_C(1) << 53)) return 0;
    }
    *number = value;
    return 1;
}

FILE *hedon_answer_begin(HedonAnswer *answer)
{
    FILE *stream = hedon_wording_open(NULL, &answer->text, &answer->size);
    if (stream) return stream;
    answer->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    answer->type = "text/plain; charset=utf-8";
    answer->bytes = "out of memory\n";
    answer->size = strlen(answer->bytes);
    return NULL;
}

void hedon_answer_written(HedonAnswer *answer, FILE *stream, const char *type)
{
    answer->type = type;
    if (!answer->status) answer->status = MHD_HTTP_OK;
    if (!hedon_wording_close(NULL, stream, &answer->text)) return;
    answer->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    answer->bytes = "";
    answer->size = 0;
}

void hedon_answer_error(HedonAnswer *answer, unsigned status, const char *sentence)
{
    free(answer->text); /* what was begun */
    answer->text = NULL;
    answer->status = status;
    FILE *stream = hedon_answer_begin(answer);
    if (!stream) return;
    HedonJson json = {.out = stream};
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "error", sentence);
    hedon_json_end_object(&json);
    fputc('\n', stream);
    hedon_answer_written(answer, stream, "application/json");
}

void hedon_answer_failure(HedonAnswer *answer, HedonContext *ctx, int code)
{
    if (code == HEDON_EINVAL)
        hedon_answer_error(answer, MHD_HTTP_BAD_REQUEST, hedon_last_error(ctx));
    else if (code == HEDON_ENOENT)
        hedon_answer_error(answer, MHD_HTTP_NOT_FOUND, "there is no such thing");
    else if (code == HEDON_EIO)
        hedon_answer_error(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "the store cannot be read now");
    else
        hedon_answer_error(answer, MHD_HTTP_INTERNAL_SERVER_ERROR, hedon_error_name(code));
}
