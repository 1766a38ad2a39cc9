/* RUN/resume.state, read when a run is resumed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "tests/fuzz/fuzz.h"
#include "train/resume.h"

enum { MOST = 1 << 16, CRC = 4 };

/* The checksum is made good, or nothing behind it would ever be reached. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[MOST];
    char path[FUZZ_PATH];
    if (size > MOST || size < CRC) return 0;
    memcpy(bytes, data, size);
    const uint32_t crc = hedon_crc32c(0, bytes, size - CRC);
    for (size_t i = 0; i < CRC; i++) bytes[size - CRC + i] = (uint8_t)(crc >> 8 * i);
    const int fd = fuzz_file(bytes, size, path);
    HedonContext *ctx = hedon_context_new();
    HedonResume resume;
    if (!hedon_resume_open(ctx, &resume, path)) {
        float values[6];
        HedonTensor tensor = {HEDON_F32, {.rank = 2, .dim = {2, 3}}, values};
        if (hedon_resume_read(ctx, &resume, "a", &tensor) && !hedon_last_error(ctx)[0]) abort();
        hedon_resume_close(&resume);
    } else if (!hedon_last_error(ctx)[0]) {
        abort(); /* a failure without a sentence */
    }
    hedon_context_free(ctx);
    close(fd);
    return 0;
}

uint8_t *fuzz_seed(int number, size_t *size)
{
    static const char document[] =
        "{\"step\":3,\"tensors\":{\"a\":{\"dtype\":\"float32\",\"shape\":[2,3],\"offset\":0}}}";
    const size_t length = sizeof(document) - 1, magic = strlen("hedon.state/1\n");
    if (number) return NULL;
    *size = magic + 8 + length + 24 + CRC;
    uint8_t *file = calloc(1, *size);
    if (!file) return NULL;
    memcpy(file, "hedon.state/1\n", magic);
    file[magic] = (uint8_t)length;
    memcpy(file + magic + 8, document, length);
    return file;
}
