/* The client of one hedon-decode process: sends requests, waits with an eye on the clock, checks
 * every reply, and turns whatever goes wrong over there into one error here. */
#include "decode/worker.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "decode/protocol.h"
#include "decode/worker_process.h"
#include "decode/worker_reply.h"
#include "decode/worker_source.h"

#define SLICE_MS      20 /* between two looks at cancellation */
#define SLICE_MOST_S  1.0
#define EXIT_GRACE_S  0.2
#define TOTAL_PER_DURATION 4.0
#define DURATION_MOST_S (24 * 3600.0)
#define GATHERED 4 /* slots given back at once */
#define RESAMPLES_MAX 3 /* of one video; video.h promises one, endless ones would hang the caller  \
                         */

struct HedonWorker {
    HedonWorkerOptions options;
    char *program;
    HedonWorkerProcess process;
    int ready; /* it has said so, since its start */
    HedonMessageReady said; /* then */
    HedonWorkerSlots slots;
    uint32_t done_with; /* bit s: slot s, which the worker does not know yet */
    HedonVideoInfo info; /* of the open video */
    double *times;       /* NULL: no video is open */
    int resamples;
    double silence_left_s; /* until the worker has to show progress */
    double total_left_s;   /* of the video's budget */
    atomic_int interrupted;
};

/* One call, from its request to its DONE. */
typedef struct Exchange {
    const int64_t *indices; /* asked, ascending; none for an open */
    int64_t count, delivered;
    uint8_t seen[HEDON_PROTOCOL_INDICES];
    HedonFrameSink sink;
    void *opaque;
    int sink_code; /* what stopped it */
    int informed;  /* INFO has come */
} Exchange;

void hedon_worker_options_default(HedonWorkerOptions *options)
{
    *options = (HedonWorkerOptions){.decoder = HEDON_DECODER_CPU,
                                    .threads = 1,
                                    .max_seconds = 120,
                                    .max_total_seconds = 3600,
                                    .max_memory = (int64_t)4 << 30,
                                    .max_pixels = (int64_t)8192 * 8192,
                                    .max_frames = (int64_t)16 << 20};
}

/* ---- The process ------------------------------------------------------------------------------
 */

static void close_video(HedonWorker *worker)
{
    hedon_free(worker->times);
    worker->times = NULL;
    worker->info = (HedonVideoInfo){0};
    worker->resamples = 0;
}

static int end_process(HedonWorker *worker, double grace_s)
{
    hedon_worker_unmap_slots(&worker->slots);
    worker->done_with = 0;
    close_video(worker);
    return hedon_worker_process_end(&worker->process, grace_s);
}

static int start_process(HedonContext *ctx, HedonWorker *worker)
{
    const int code = hedon_worker_process_start(ctx, &worker->process, worker->program);
    if (code) return code;
    worker->ready = 0;
    HedonMessage message = {.type = HEDON_MESSAGE_CONFIGURE,
                            .configure = {.max_memory = worker->options.max_memory,
                                          .nvdec = worker->options.decoder != HEDON_DECODER_CPU,
                                          .gpu = worker->options.gpu}};
    /* Fails only if the process is gone already, which the first reply that is missing will tell.
     */
    (void)hedon_message_send(worker->process.socket, &message, -1, MSG_DONTWAIT);
    return 0;
}

/* It closed the connection: let it finish dying, to say how. */
static int fail_gone(HedonContext *ctx, HedonWorker *worker)
{
    char how[128];
    const int was_ready = worker->ready;
    hedon_worker_process_describe(end_process(worker, EXIT_GRACE_S), how, sizeof(how));
    return hedon_fail(ctx, HEDON_EDECODER,
                      was_ready ? "the decoder %s" : "the decoder %s at its start", how);
}

static int fail_reply(HedonContext *ctx, HedonWorker *worker, const char *wrong)
{
    end_process(worker, 0);
    return hedon_fail(ctx, HEDON_EDECODER, "the decoder's reply made no sense (%s)", wrong);
}

/* Whether the user or a budget ends the call. */
static int check_limits(HedonContext *ctx, HedonWorker *worker)
{
    const HedonWorkerOptions *options = &worker->options;
    if (hedon_is_cancelled() || atomic_load(&worker->interrupted)) {
        end_process(worker, 0);
        return hedon_fail(ctx, HEDON_ECANCELLED, "interrupted");
    }
    if (worker->silence_left_s <= 0) {
        end_process(worker, 0);
        return hedon_fail(ctx, HEDON_ELIMIT, "decoding stood still for %g s and was stopped",
                          options->max_seconds);
    }
    if (worker->total_left_s <= 0) {
        end_process(worker, 0);
        return hedon_fail(ctx, HEDON_ELIMIT,
                          "decoding took longer than %g s and four times the video's duration and "
                          "was stopped",
                          options->max_total_seconds);
    }
    return 0;
}

/* Time that passed on the worker's account. What this program itself was stopped or starved for
 * (steps that took more than their time by far) is not its fault. */
static void charge(HedonWorker *worker, double since_s)
{
    const double seconds = fmin(hedon_clock_s() - since_s, SLICE_MOST_S);
    worker->silence_left_s -= seconds;
    worker->total_left_s -= seconds;
}

/* Wait until the socket is ready. */
static int wait_for(HedonContext *ctx, HedonWorker *worker, short events)
{
    for (;;) {
        const int code = check_limits(ctx, worker);
        if (code) return code;
        struct pollfd wait = {.fd = worker->process.socket, .events = events};
        const double before_s = hedon_clock_s();
        const int ready = poll(&wait, 1, SLICE_MS);
        charge(worker, before_s);
        if (ready > 0) return 0;
    }
}

static int send_message(HedonContext *ctx, HedonWorker *worker, HedonMessage *message, int fd)
{
    while (hedon_message_send(worker->process.socket, message, fd, MSG_DONTWAIT)) {
        if (errno != EAGAIN) return fail_gone(ctx, worker);
        const int code = wait_for(ctx, worker, POLLOUT);
        if (code) return code;
    }
    return 0;
}

/* Give back the slots that are done with: when nothing else is to be done, or some have gathered. */
static int release_slots(HedonContext *ctx, HedonWorker *worker)
{
    if (!worker->done_with) return 0;
    HedonMessage message = {.type = HEDON_MESSAGE_RELEASE, .release = worker->done_with};
    worker->done_with = 0;
    return send_message(ctx, worker, &message, -1);
}

static int receive_message(HedonContext *ctx, HedonWorker *worker, HedonMessage *message, int *fd)
{
    for (;;) {
        int code = check_limits(ctx, worker);
        if (!code && __builtin_popcount(worker->done_with) >= GATHERED)
            code = release_slots(ctx, worker);
        if (code) return code;
        const double before_s = hedon_clock_s();
        const int got = hedon_message_receive(worker->process.socket, message, fd, MSG_DONTWAIT);
        charge(worker, before_s); /* a flood of messages is never waited for */
        if (got > 0) return 0;
        if (got < 0 && errno == EPROTO) return fail_reply(ctx, worker, "malformed message");
        if (got == 0 || errno != EAGAIN) return fail_gone(ctx, worker);
        code = release_slots(ctx, worker);
        if (!code) code = wait_for(ctx, worker, POLLIN);
        if (code) return code;
    }
}

/* ---- Replies ----------------------------------------------------------------------------------
 */

static int take_ready(HedonContext *ctx, HedonWorker *worker, HedonMessageReady *ready)
{
    const HedonDecoder decoder = worker->options.decoder;
    const char *wrong = worker->ready
                            ? "ready twice"
                            : hedon_worker_check_ready(ready, decoder != HEDON_DECODER_CPU);
    if (wrong) return fail_reply(ctx, worker, wrong);
    worker->ready = 1;
    worker->said = *ready;
    if (decoder != HEDON_DECODER_NVDEC || ready->nvdec) return 0;
    end_process(worker, 0);
    return hedon_fail(ctx, HEDON_EDEVICE, "the GPU can't decode (--decoder cpu does without): %s",
                      ready->reason);
}

static int take_info(HedonContext *ctx, HedonWorker *worker, Exchange *exchange,
                     HedonVideoInfo *info, int fd)
{
    double *times = NULL;
    const char *wrong =
        exchange->informed
            ? "two indexes"
            : hedon_worker_check_info(info, worker->options.max_pixels, worker->options.max_frames);
    if (!wrong) wrong = hedon_worker_read_times(&times, fd, info->frames);
    if (wrong) return fail_reply(ctx, worker, wrong);
    if (!times) {
        end_process(worker, 0);
        return hedon_fail_memory(ctx);
    }
    if (!worker->times) /* a duration is the file's word: not for ever */
        worker->total_left_s += TOTAL_PER_DURATION * fmin(info->duration_s, DURATION_MOST_S);
    hedon_free(worker->times);
    worker->times = times;
    worker->info = *info;
    exchange->informed = 1;
    return 0;
}

static int take_slots(HedonContext *ctx, HedonWorker *worker, const HedonMessageSlots *slots,
                      int fd)
{
    const int64_t max = worker->options.max_memory > 0 ? worker->options.max_memory : INT64_MAX;
    const char *wrong = hedon_worker_map_slots(&worker->slots, slots, fd, max);
    return wrong ? fail_reply(ctx, worker, wrong) : 0;
}

/* The place of a frame in the request; -1 if it was not asked for or came before. */
static int64_t find_asked(const Exchange *exchange, int64_t index)
{
    int64_t low = 0, high = exchange->count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (exchange->indices[middle] < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low < exchange->count && exchange->indices[low] == index && !exchange->seen[low] ? low
                                                                                            : -1;
}

static int take_frame(HedonContext *ctx, HedonWorker *worker, Exchange *exchange,
                      const HedonMessageFrame *message)
{
    HedonFrame frame;
    const int64_t place = find_asked(exchange, message->index);
    const char *wrong =
        place < 0 || exchange->informed
            ? "a frame that was not asked for"
            : hedon_worker_check_frame(&frame, message, &worker->slots, worker->options.max_pixels);
    if (wrong) return fail_reply(ctx, worker, wrong);
    exchange->seen[place] = 1;
    exchange->delivered++;
    frame.index = message->index;
    frame.time_s = worker->times[message->index];

    worker->done_with |= UINT32_C(1) << message->slot;
    if (exchange->sink_code) return 0;
    exchange->sink_code = exchange->sink(exchange->opaque, &frame);
    HedonMessage stop = {.type = HEDON_MESSAGE_STOP};
    return exchange->sink_code ? send_message(ctx, worker, &stop, -1) : 0;
}

/* The result of an exchange whose DONE has come. Memory that ran out did so over there, under the
 * worker's budget. */
static int take_done(HedonContext *ctx, HedonWorker *worker, const Exchange *exchange,
                     HedonMessageDone *done)
{
    const char *wrong = hedon_worker_check_done(done);
    const int complete = !done->code && exchange->delivered == exchange->count;
    const int opening = !exchange->sink;
    if (!wrong && !done->code && !complete) wrong = "frames are missing";
    if (!wrong && exchange->informed != (opening ? !done->code : done->code == HEDON_ERESAMPLE))
        wrong = "an index out of place";
    if (!wrong && exchange->informed && !opening && ++worker->resamples > RESAMPLES_MAX)
        wrong = "an index that keeps changing";
    if (!wrong && done->code == HEDON_ECANCELLED && !exchange->sink_code)
        wrong = "nobody said stop";
    if (wrong) return fail_reply(ctx, worker, wrong);
    if (exchange->sink_code) return exchange->sink_code;
    if (done->code == HEDON_ENOMEM && worker->options.max_memory > 0)
        return hedon_fail(ctx, HEDON_ELIMIT, "decoding needs more memory than the %lld MiB allowed",
                          (long long)(worker->options.max_memory >> 20));
    return done->code ? hedon_fail(ctx, done->code, "%s", done->text) : 0;
}

/* Take replies until the request is done. */
static int await_done(HedonContext *ctx, HedonWorker *worker, Exchange *exchange)
{
    for (;;) {
        HedonMessage message;
        int fd;
        int code = receive_message(ctx, worker, &message, &fd);
        if (code) return code;
        worker->silence_left_s = worker->options.max_seconds;
        switch ((HedonMessageType)message.type) {
        case HEDON_MESSAGE_READY:
            code = take_ready(ctx, worker, &message.ready);
            break;
        case HEDON_MESSAGE_INFO:
            code = take_info(ctx, worker, exchange, &message.info, fd);
            break;
        case HEDON_MESSAGE_SLOTS:
            code = take_slots(ctx, worker, &message.slots, fd);
            break;
        case HEDON_MESSAGE_ADVANCED:
            break;
        case HEDON_MESSAGE_FRAME:
            code = take_frame(ctx, worker, exchange, &message.frame);
            break;
        case HEDON_MESSAGE_DONE:
            code = release_slots(ctx, worker);
            return code ? code : take_done(ctx, worker, exchange, &message.done);
        default:
            code = fail_reply(ctx, worker, "a request as a reply");
        }
        if (fd >= 0) close(fd);
        if (code) return code;
    }
}

/* ---- Calls ------------------------------------------------------------------------------------
 */

int hedon_worker_new(HedonContext *ctx, HedonWorker **out, const HedonWorkerOptions *options)
{
    *out = NULL;
    HedonWorker *worker = hedon_calloc(1, sizeof(*worker));
    if (!worker) return hedon_fail_memory(ctx);
    hedon_worker_options_default(&worker->options);
    if (options) worker->options = *options;
    int code = 0;
    if (worker->options.program && !(worker->program = hedon_strdup(worker->options.program)))
        code = hedon_fail_memory(ctx);
    worker->options.program = worker->program;
    if (!code) code = start_process(ctx, worker);
    if (code)
        hedon_worker_free(worker);
    else
        *out = worker;
    return code;
}

int hedon_worker_wait_ready(HedonContext *ctx, HedonWorker *worker)
{
    worker->silence_left_s = worker->options.max_seconds;
    worker->total_left_s = worker->options.max_total_seconds;
    while (!worker->ready) {
        HedonMessage message;
        int fd;
        int code = receive_message(ctx, worker, &message, &fd);
        if (code) return code;
        if (fd >= 0) close(fd);
        code = message.type == HEDON_MESSAGE_READY ? take_ready(ctx, worker, &message.ready)
                                                   : fail_reply(ctx, worker, "not asked");
        if (code) return code;
    }
    return 0;
}

HedonDecoder hedon_worker_decoder(const HedonWorker *worker, const char **reason)
{
    *reason = worker->said.reason;
    return worker->said.nvdec ? HEDON_DECODER_NVDEC : HEDON_DECODER_CPU;
}

HedonDecoder hedon_worker_wish(HedonDecoder asked, int computes_on_gpu)
{
    return asked == HEDON_DECODER_AUTO && !computes_on_gpu ? HEDON_DECODER_CPU : asked;
}

int hedon_worker_open(HedonContext *ctx, HedonWorker *worker, const char *path)
{
    int fd;
    close_video(worker);
    int code =
        hedon_worker_source_open(ctx, &fd, path, worker->options.max_seconds, &worker->interrupted);
    if (code) return code;
    if (!hedon_worker_process_alive(&worker->process)) {
        end_process(worker, 0);
        code = start_process(ctx, worker);
    }
    if (!code) {
        HedonMessage message = {.type = HEDON_MESSAGE_OPEN,
                                .open = {.max_pixels = worker->options.max_pixels,
                                         .max_frames = worker->options.max_frames,
                                         .threads = worker->options.threads}};
        worker->silence_left_s = worker->options.max_seconds;
        worker->total_left_s = worker->options.max_total_seconds;
        code = send_message(ctx, worker, &message, fd);
    }
    close(fd);
    if (code) return code;
    Exchange exchange = {0};
    code = await_done(ctx, worker, &exchange);
    if (code) close_video(worker);
    return code;
}

const HedonVideoInfo *hedon_worker_info(const HedonWorker *worker)
{
    return &worker->info;
}

const double *hedon_worker_times(const HedonWorker *worker)
{
    return worker->times;
}

static int check_indices(HedonContext *ctx, const HedonWorker *worker, const int64_t *indices,
                         size_t count)
{
    if (!worker->times) return hedon_fail(ctx, HEDON_EINVAL, "no video is open");
    for (size_t i = 0; i < count; i++)
        if (indices[i] < (i ? indices[i - 1] + 1 : 0) || indices[i] >= worker->info.frames)
            return hedon_fail(ctx, HEDON_EINVAL,
                              "frame %lld is out of order or beyond the %lld there are",
                              (long long)indices[i], (long long)worker->info.frames);
    return 0;
}

int hedon_worker_frames(HedonContext *ctx, HedonWorker *worker, const int64_t *indices,
                        size_t count, int more, HedonFrameSink sink, void *opaque)
{
    int code = check_indices(ctx, worker, indices, count);
    worker->silence_left_s = worker->options.max_seconds;
    while (!code && count) {
        const size_t part = count < HEDON_PROTOCOL_INDICES ? count : HEDON_PROTOCOL_INDICES;
        HedonMessage message = {.type = HEDON_MESSAGE_FRAMES, .frames = {.count = (int64_t)part, .more = more || part < count}};
        memcpy(message.frames.index, indices, part * sizeof(*indices));
        code = send_message(ctx, worker, &message, -1);
        Exchange exchange = {
            .indices = indices, .count = (int64_t)part, .sink = sink, .opaque = opaque};
        if (!code) code = await_done(ctx, worker, &exchange);
        indices += part;
        count -= part;
    }
    return code;
}

void hedon_worker_interrupt(HedonWorker *worker)
{
    atomic_store(&worker->interrupted, 1);
}

double hedon_worker_cpu_s(const HedonWorker *worker)
{
    return hedon_worker_process_cpu_s(&worker->process);
}

int64_t hedon_worker_peak_bytes(const HedonWorker *worker)
{
    return hedon_worker_process_peak_bytes(&worker->process);
}

int hedon_worker_pid(const HedonWorker *worker)
{
    return (int)worker->process.pid;
}

void hedon_worker_free(HedonWorker *worker)
{
    if (!worker) return;
    end_process(worker, 0);
    hedon_free(worker->program);
    hedon_free(worker);
}
