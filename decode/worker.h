/* The client of one hedon-decode process: the same questions as video.h, answered by another
 * process, so that a file which crashes, hangs or exhausts the decoder costs that process and
 * nothing else, and so that this program need not load libav.
 *
 * The process is started by exec with a socket pair; pixels pass through shared-memory slots; every
 * reply is validated. When it dies or stops answering, the call returns HEDON_EDECODER or
 * HEDON_ELIMIT with a sentence, and the next hedon_worker_open starts a fresh one. A worker belongs
 * to one thread at a time.
 */
#ifndef HEDON_DECODE_WORKER_H
#define HEDON_DECODE_WORKER_H

#include "decode/video.h"

typedef struct HedonWorker HedonWorker;

/* What a worker decodes with. Samples are the same, whichever it is; a GPU gives them as
 * HEDON_PIXEL_NV12. Budgets are renewed for each video. */
typedef struct HedonWorkerOptions {
    const char *program; /* NULL: $HEDON_DECODE_WORKER, else hedon-decode beside this program, else
                            where it is installed */
    HedonDecoder decoder; /* default HEDON_DECODER_CPU; AUTO: a GPU if one decodes, else the CPU;
                             NVDEC: without a GPU calls fail with HEDON_EDEVICE */
    int gpu;              /* which, as the driver numbers them; default 0 */
    int threads;         /* decoders per video, as HedonVideoOptions.threads; default 1 */
    double max_seconds;  /* without a frame or any other progress; default 120 */
    double max_total_seconds; /* of waiting in all calls for one video, besides four times its
                                 duration (of a day at most); default 3600 */
    int64_t max_memory;  /* bytes of address space of the worker; default 4 GiB */
    int64_t max_pixels;  /* default as HedonVideoOptions */
    int64_t max_frames;
} HedonWorkerOptions;

void hedon_worker_options_default(HedonWorkerOptions *options);
/** Launches the process and returns: it loads (some 30 ms) while the caller does other things.
 * options are copied, NULL for the defaults. HEDON_EDECODER when the program is not there,
 * HEDON_ENOMEM. */
int hedon_worker_new(HedonContext *ctx, HedonWorker **out, const HedonWorkerOptions *options);
/** Wait until a process that was just launched has loaded and answers. HEDON_EDECODER with what
 * became of it, HEDON_ELIMIT, HEDON_ECANCELLED; HEDON_EDEVICE why the GPU that was insisted on
 * doesn't decode. */
int hedon_worker_wait_ready(HedonContext *ctx, HedonWorker *worker);
/** What a process that has answered decodes with: HEDON_DECODER_CPU or _NVDEC; and why it isn't the
 * GPU that was asked for, else "". Borrowed until the next open. */
HedonDecoder hedon_worker_decoder(const HedonWorker *worker, const char **reason);
/** What to ask of a worker whose frames go to a GPU, or do not: AUTO means a GPU only there. */
HedonDecoder hedon_worker_wish(HedonDecoder asked, int computes_on_gpu);
/** Open a video, closing the previous one. path "-" is this program's standard input; what comes
 *  through a pipe is first copied to an unlinked temporary file. Errors as hedon_video_open,
 *  HEDON_EDECODER, and HEDON_ECANCELLED within 0.2 s of hedon_cancel. */
int hedon_worker_open(HedonContext *ctx, HedonWorker *worker, const char *path);
/** Of the open video; borrowed until the next open. times after HEDON_ERESAMPLE are new. */
const HedonVideoInfo *hedon_worker_info(const HedonWorker *worker);
const double *hedon_worker_times(const HedonWorker *worker);
/** As hedon_video_frames; the planes lie in shared memory and live until sink returns. Their sizes
 * are checked, but samples of more than 8 bits may exceed the depth when the worker is up to no
 * good. */
int hedon_worker_frames(HedonContext *ctx, HedonWorker *worker, const int64_t *indices,
                        size_t count, int more, HedonFrameSink sink, void *opaque);
/** From any thread: stop the call in progress and refuse later ones, with HEDON_ECANCELLED. */
void hedon_worker_interrupt(HedonWorker *worker);
/** Processor time of its processes so far, seconds; and the most that one of them had resident, bytes. */
double hedon_worker_cpu_s(const HedonWorker *worker);
int64_t hedon_worker_peak_bytes(const HedonWorker *worker);
/** The process id, 0 when none runs: for tests that kill or stop it. */
int hedon_worker_pid(const HedonWorker *worker);
void hedon_worker_free(HedonWorker *worker);

#endif
