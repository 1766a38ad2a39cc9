/* hedon-serve: the program behind 'hedon serve'. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/error.h"
#include "report/serve/server.h"
#include "report/site_data.h"
#include "tools/command.h"

enum { DEFAULT_PORT = 8027, TOKEN_BYTES = 16 };

typedef struct Arguments {
    const char *bind, *port, *token, *host, *run, *title, *thumbnails;
} Arguments;

static int whole_number(const char *text, long least, long most, int *number)
{
    char *end;
    const long value = strtol(text, &end, 10);
    if (end == text || *end || value < least || value > most) return 0;
    *number = (int)value;
    return 1;
}

static int is_loopback(const char *bind)
{
    return !strncmp(bind, "127.", 4) || !strcmp(bind, "::1") || !strcmp(bind, "localhost");
}

static int make_token(char token[2 * TOKEN_BYTES + 1])
{
    unsigned char bytes[TOKEN_BYTES];
    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) return 0;
    for (int i = 0; i < TOKEN_BYTES; i++) sprintf(token + 2 * i, "%02x", bytes[i]);
    return 1;
}

static void announce(const HedonServeOptions *options, int port)
{
    const int anywhere = !strcmp(options->bind, "0.0.0.0") || !strcmp(options->bind, "::");
    const char *address = options->host ? options->host : anywhere ? "127.0.0.1" : options->bind;
    const int v6 = strchr(address, ':') != NULL;
    printf("Serving on http://%s%s%s:%d/%s%s\n", v6 ? "[" : "", address, v6 ? "]" : "", port,
           options->token ? "?token=" : "", options->token ? options->token : "");
    if (anywhere && !options->host)
        printf("From other machines: the same with this machine's address.\n");
    printf("Ctrl-C ends.\n");
    fflush(stdout);
}

static int serve(const HedonCommand *command, HedonContext *ctx, const HedonServeOptions *options)
{
    HedonServer *server;
    const int code = hedon_server_start(ctx, &server, options);
    if (code == HEDON_EINVAL) return hedon_wrong_usage(command, "%s", hedon_last_error(ctx));
    if (code) return hedon_report(options->title, code, hedon_last_error(ctx));
    announce(options, hedon_server_port(server));
    while (!hedon_is_cancelled()) nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    hedon_server_stop(server);
    return EXIT_GOOD;
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {0};
    HedonServeOptions options;
    char title[256], token[2 * TOKEN_BYTES + 1];
    int count = 0;
    const int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status != HEDON_PARSED) return status;
    if (count != 1) return hedon_wrong_usage(command, "which store? give one file or database");
    hedon_serve_options_default(&options);
    options.port = DEFAULT_PORT;
    if (arguments.port && !whole_number(arguments.port, 0, 65535, &options.port))
        return hedon_wrong_usage(command, "--port %s: give a number from 0 (any) to 65535",
                                 arguments.port);
    if (arguments.thumbnails && !whole_number(arguments.thumbnails, 0, 8, &options.thumbnails))
        return hedon_wrong_usage(command, "--thumbnails %s: give a number from 0 to 8",
                                 arguments.thumbnails);
    if (arguments.bind) options.bind = arguments.bind;
    options.token = arguments.token;
    if (!options.token && !is_loopback(options.bind)) {
        if (!make_token(token))
            return hedon_report(NULL, HEDON_EIO, "no random numbers for a token");
        options.token = token;
    }
    options.store = argv[0];
    options.host = arguments.host;
    options.run = arguments.run;
    hedon_site_title(title, sizeof(title), argv[0]);
    options.title = arguments.title ? arguments.title : title;
    return serve(command, ctx, &options);
}

static const HedonOption options[] = {
    {"port", OPTION_TEXT, offsetof(Arguments, port), "P", "default 8027; 0: any free one", 'p'},
    {"bind", OPTION_TEXT, offsetof(Arguments, bind), "ADDRESS",
     "where to listen (default 127.0.0.1: this machine only)"},
    {"token", OPTION_TEXT, offsetof(Arguments, token), "T",
     "what clients must show; made up when --bind is not loopback"},
    {"host", OPTION_TEXT, offsetof(Arguments, host), "NAME",
     "the name that browsers use, when it is no address"},
    {"run", OPTION_TEXT, offsetof(Arguments, run), "N",
     "the run shown first, by number or model (default: the newest)"},
    {"thumbnails", OPTION_TEXT, offsetof(Arguments, thumbnails), "N",
     "a video, at most 8, decoded when looked at (default 3)"},
    {"title", OPTION_TEXT, offsetof(Arguments, title), "TEXT", "of the pages"},
    {NULL},
};

static const HedonCommand command = {
    .name = "serve",
    .summary = "the same pages live, with a JSON API and metrics",
    .parameters = "STORE [OPTION...]",
    .description =
        "The pages of 'hedon report' for a store that may still grow, /api for programs,\n"
        "/metrics for Prometheus. Nothing can be changed through it. Videos are served only\n"
        "if the store knows them and they lie under the folders that were annotated. Not\n"
        "encrypted: put a proxy with TLS in front where the network is not yours\n"
        "(docs/report.md).\n",
    .examples = "  hedon serve results.db\n"
                "  hedon serve results.db --bind 0.0.0.0 --host videos.example.org\n"
                "  curl -s 'http://127.0.0.1:8027/api/videos?sort=Joy&limit=3'\n",
    .options = options,
    .run = run,
};

int main(int argc, char **argv)
{
    hedon_install_handlers();
    HedonContext *ctx = hedon_context_new();
    if (!ctx) return hedon_report(NULL, HEDON_ENOMEM, "out of memory");
    const int status = command.run(&command, ctx, argc, argv);
    hedon_context_free(ctx);
    return hedon_finish_output(status);
}
