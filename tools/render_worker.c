/* hedon-render: draws and encodes synthetic videos for `hedon dataset synth`. A program of its own,
 * so that hedon does not load libav*.
 *
 *   hedon-render SEED SECONDS
 *
 * Standard input: lines "NUMBER FILE". Each is answered, when FILE is there whole, by "NUMBER" on
 * standard output, or by "! SENTENCE". Ends with its input. FILE is in the working directory. Videos
 * last SECONDS; 0: as long as their scenes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/log.h>

#include "hedon.h"
#include "tools/render_encode.h"

/* Written beside its name and renamed: a video is there whole or not at all. No sync: a video lost
 * in a power cut is at most as empty as its neighbours, and asking 60,000 times would take hours.
 */
static int render(HedonContext *ctx, HedonSynthPainter *painter, uint64_t seed, long long number,
                  long seconds, const char *name)
{
    static HedonSynthScene scene;
    char part[256];
    snprintf(part, sizeof(part), "%.240s.part", name);
    hedon_synth_scene(&scene, seed, number);
    if (seconds > 0)
        scene.frames = (int)(seconds * scene.rate_numerator / scene.rate_divisor);
    const int code = hedon_render_encode(ctx, painter, &scene, part);
    if (code) {
        printf("! %s: %s\n", name, hedon_last_error(ctx));
        unlink(part);
        return code;
    }
    if (rename(part, name)) {
        printf("! cannot rename %s: %m\n", part);
        return HEDON_EIO;
    }
    printf("%lld\n", number);
    return 0;
}

static int serve(HedonContext *ctx, HedonSynthPainter *painter, uint64_t seed, long seconds)
{
    char line[320], name[256];
    long long number;
    while (fgets(line, sizeof(line), stdin)) {
        if (sscanf(line, "%lld %255s", &number, name) != 2) {
            fprintf(stderr, "hedon-render: not understood: %s", line);
            return 2;
        }
        const int code = render(ctx, painter, seed, number, seconds, name);
        if (fflush(stdout) || code) return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    char *end = NULL, *seconds_end = NULL;
    const unsigned long long seed = argc == 3 ? strtoull(argv[1], &end, 10) : 0;
    const long seconds = argc == 3 ? strtol(argv[2], &seconds_end, 10) : -1;
    if (!end || *end || end == argv[1] || *seconds_end || seconds < 0 || seconds > 3600) {
        fprintf(stderr,
                "hedon-render is started by 'hedon dataset synth'; it is of no other use\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    av_log_set_level(AV_LOG_ERROR);
    HedonContext *ctx = hedon_context_new();
    HedonSynthPainter *painter = hedon_synth_painter_new();
    int status = 1;
    if (ctx && painter)
        status = serve(ctx, painter, seed, seconds);
    else
        printf("! out of memory\n");
    hedon_synth_painter_free(painter);
    hedon_context_free(ctx);
    return status;
}
