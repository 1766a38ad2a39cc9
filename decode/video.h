/* A video file, read by frame index in presentation order. Uses libav*; in-process. Commands reach
 * it through the hedon-decode worker (worker.h), tests and other programs may link it.
 *
 * Which pixels frame i has depends on the file alone: not on the order of requests, on seeking, on
 * skipping or on threads. The index counts decodable frames. Where a decoding error is met, the
 * file is "damaged": it is from then on decoded in sequence by one thread, and requests answer
 * HEDON_ERESAMPLE once, after which info and times have the frames that really decode. It answers
 * that once more where a device (options.hardware) met something that it can't decode after it had
 * given frames: the CPU then begins anew with the same index, and finds out whether the file is
 * damaged.
 */
#ifndef HEDON_DECODE_VIDEO_H
#define HEDON_DECODE_VIDEO_H

#include "base/frame.h"
#include "hedon.h"

typedef struct HedonVideo HedonVideo;
struct HedonHardware; /* decode/video_hardware.h */

/* How much of a GPU decoding may take: processes, each with a context there (hundreds of MB), and
 * decoders in each, with their surfaces. An estimate, not measured: a GPU has a few decoding units,
 * which this many keep busy, and the model needs its memory. */
enum { HEDON_GPU_WORKERS = 4, HEDON_GPU_DECODERS = 2 };

typedef struct HedonVideoOptions {
    int threads;          /* decoders working on stretches of one request; default 1 */
    /* Decodes what it decodes as the CPU would; borrowed. NULL: the CPU decodes everything. Its
     * frames come as HEDON_PIXEL_NV12, with the same samples. */
    const struct HedonHardware *hardware;
    int64_t max_pixels;   /* of one picture; default 8192 * 8192 */
    int64_t max_frames;   /* of the index; default 16 million */
    double max_seconds;   /* of processor time for one request; default 0: no limit */
    /** Called whenever a packet or a picture is done with, from any thread of a request: it is slow
     *  work, not a hang. May be NULL. */
    void (*advanced)(void *opaque);
    /** Called when hardware is given up, before the CPU begins anew. May be NULL. */
    void (*fell_back)(void *opaque);
    void *opaque;
} HedonVideoOptions;

typedef struct HedonVideoInfo {
    char container[32], codec[32], pixel_format[32];
    int32_t stream;          /* index of the best video stream in the file */
    int32_t width, height;   /* as shown, display matrix applied */
    int32_t rotation;        /* clockwise degrees that were applied: 0, 90, 180, 270 */
    int32_t damaged;         /* a decoding error was met */
    int64_t frames;          /* in the index */
    int64_t lost;            /* packets that gave no frame, known after damage */
    double duration_s;       /* of the pictures: last frame's time plus its duration */
    double rate;             /* average frames per second; frames / duration */
} HedonVideoInfo;

/** Receives one frame; its planes live until return. Non-zero stops and is returned. Called from one
 *  thread at a time, frames of one request in any order. */
typedef int (*HedonFrameSink)(void *opaque, const HedonFrame *frame);

void hedon_video_options_default(HedonVideoOptions *options);

/**
 * Open a video and index its frames.
 *
 * @param path     file name, or "-" or "fd:N" for an open descriptor (a pipe is spooled to an
 *                 unlinked temporary file first)
 * @param options  NULL for the defaults
 * @return 0; HEDON_ENOENT, HEDON_EISDIR, HEDON_EDATA (not a video, or damaged beyond use: the
 *         sentence says which), HEDON_ENOVIDEO (audio only), HEDON_ELIMIT, HEDON_EUNSUPPORTED (no
 *         decoder for its codec), HEDON_ENOMEM.
 */
int hedon_video_open(HedonContext *ctx, HedonVideo **out, const char *path,
                     const HedonVideoOptions *options);
const HedonVideoInfo *hedon_video_info(const HedonVideo *video);
/** Presentation times in seconds from the first frame's, info->frames of them, ascending. Borrowed
 *  until the next call that answers HEDON_ERESAMPLE, or close. */
const double *hedon_video_times(const HedonVideo *video);
/**
 * Decode frames and hand each to sink once.
 *
 * @param indices  ascending, distinct, within 0..frames-1
 * @param more     later frames will be asked for next: the decoder may go a little further now than
 *                 these need, so as to go on from there
 * @return 0 when every one was delivered; HEDON_ERESAMPLE (see above; what sink got before is
 *         void); HEDON_EDATA, HEDON_ELIMIT, HEDON_ECANCELLED, HEDON_ENOMEM, or what sink returned.
 */
int hedon_video_frames(HedonContext *ctx, HedonVideo *video, const int64_t *indices, size_t count,
                       int more, HedonFrameSink sink, void *opaque);
void hedon_video_close(HedonVideo *video);

#endif
