/* What the tests of the worker and the loader share: a scratch folder, small rendered videos, and a
 * count of what must not leak. */
#ifndef HEDON_TESTS_WORKER_FIXTURE_H
#define HEDON_TESTS_WORKER_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "decode/worker.h"

#define REAL_WORKER   HEDON_BINARY_DIR "/hedon-decode"
#define FAULTY_WORKER HEDON_BINARY_DIR "/faulty_worker"
#define MOST_FRAMES   1024

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static char scratch[] = "/tmp/hedon-test-XXXXXX";

/* A name in the scratch folder; one of eight buffers that take turns. */
static inline const char *in_scratch(const char *name)
{
    static char paths[8][256];
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", scratch, name);
    return path;
}

/* Render `seconds` of ffmpeg's test pattern at 10 frames a second into the scratch folder; 0 when
 * done, non-zero when this ffmpeg has not got the encoder. */
static inline int render(const char *name, const char *size, double seconds, const char *encoder)
{
    char command[1024];
    snprintf(command, sizeof(command),
             "ffmpeg -v quiet -nostdin -y -f lavfi -i testsrc2=size=%s:rate=10:duration=%g %s %s",
             size, seconds, encoder, in_scratch(name));
    return system(command);
}

static inline void write_file(const char *name, const char *text)
{
    FILE *file = fopen(in_scratch(name), "w");
    if (!file || fputs(text, file) < 0 || fclose(file)) abort();
}

static inline int make_scratch(void **state)
{
    (void)state;
    return mkdtemp(scratch) ? 0 : -1;
}

static inline int remove_scratch(void **state)
{
    char command[300];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", scratch);
    return system(command);
}

static inline int open_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

/* Whether any child process is left, dead or alive. */
static inline int has_children(void)
{
    return !(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

/* FNV-1a of everything a viewer of the frame would notice. */
static inline uint64_t hash_frame(const HedonFrame *frame)
{
    uint64_t hash = 14695981039346656037u;
    const int64_t facts[] = {
        frame->width, frame->height, frame->layout,     frame->bits,
        frame->index, frame->matrix, frame->full_range, (int64_t)(frame->time_s * 1e6)};
    for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
        hash = (hash ^ (uint64_t)facts[i]) * 1099511628211u;
    for (int p = 0; p < hedon_frame_planes(frame->layout); p++) {
        int64_t width, height;
        hedon_frame_plane_size(frame->layout, p, frame->width, frame->height, &width, &height);
        for (int64_t y = 0; y < height; y++) {
            const uint8_t *row = (const uint8_t *)frame->plane[p] + y * frame->stride[p];
            for (int64_t x = 0; x < width * (frame->bits > 8 ? 2 : 1); x++)
                hash = (hash ^ row[x]) * 1099511628211u;
        }
    }
    return hash;
}

/* A sink that remembers what it saw. */
typedef struct Seen {
    uint64_t hash[MOST_FRAMES]; /* by index */
    int count[MOST_FRAMES];
    int total;
    int stop_after; /* return 77 at that frame; 0: never */
    void (*at_first)(void *opaque);
    void *opaque;
} Seen;

static inline int look(void *opaque, const HedonFrame *frame)
{
    Seen *seen = opaque;
    if (frame->index < 0 || frame->index >= MOST_FRAMES) abort();
    seen->hash[frame->index] = hash_frame(frame);
    seen->count[frame->index]++;
    if (!seen->total++ && seen->at_first) seen->at_first(seen->opaque);
    return seen->total == seen->stop_after ? 77 : 0;
}

/* Ask for frames first, first + step, ... below end. */
static inline int ask(HedonContext *ctx, HedonWorker *worker, int64_t first, int64_t step,
                      int64_t end, Seen *seen)
{
    int64_t indices[MOST_FRAMES];
    size_t count = 0;
    for (int64_t i = first; i < end; i += step) indices[count++] = i;
    return hedon_worker_frames(ctx, worker, indices, count, 1, look, seen);
}

static inline HedonWorker *new_worker(HedonContext *ctx, const char *program, double max_seconds)
{
    HedonWorker *worker;
    HedonWorkerOptions options;
    hedon_worker_options_default(&options);
    options.program = program;
    options.max_seconds = max_seconds;
    if (hedon_worker_new(ctx, &worker, &options)) {
        fprintf(stderr, "%s\n", hedon_last_error(ctx));
        abort();
    }
    return worker;
}

#endif
