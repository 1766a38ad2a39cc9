#include "report/strip.h"

#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/backend.h"
#include "report/peaks.h"

typedef struct Strip {
    HedonContext *ctx;
    int cells, cell_width;
    int64_t frame[HEDON_MOST_PEAKS]; /* of each cell */
    uint8_t *rgb;                    /* the whole picture */
} Strip;

/* Eight bits become five: a thumbnail looks the same, and its PNG is half as large. */
static uint8_t coarse(float value)
{
    const int level = (int)lrintf(31 * fminf(1, fmaxf(0, value)));
    return (uint8_t)(level << 3 | level >> 2);
}

static void put_cell(Strip *strip, int cell, const float *pixels)
{
    const size_t width = (size_t)strip->cell_width, area = width * HEDON_STRIP_HEIGHT;
    for (size_t y = 0; y < HEDON_STRIP_HEIGHT; y++)
        for (size_t x = 0; x < width; x++) {
            uint8_t *out = strip->rgb + 3 * ((y * (size_t)strip->cells + (size_t)cell) * width + x);
            for (size_t c = 0; c < 3; c++) out[c] = coarse(pixels[c * area + y * width + x]);
        }
}

static int take_frame(void *opaque, const HedonFrame *frame)
{
    Strip *strip = opaque;
    const HedonBackend *backend;
    HedonPreprocessor *preprocessor = NULL;
    const HedonTransform transform = {.source_width = frame->width,
                                      .source_height = frame->height,
                                      .resize_width = strip->cell_width,
                                      .resize_height = HEDON_STRIP_HEIGHT,
                                      .interpolation = HEDON_BILINEAR,
                                      .antialias = 1,
                                      .crop_width = strip->cell_width,
                                      .crop_height = HEDON_STRIP_HEIGHT,
                                      .std = {1, 1, 1}};
    const size_t area = (size_t)strip->cell_width * HEDON_STRIP_HEIGHT;
    float *pixels = hedon_malloc_aligned(3 * area, sizeof(float));
    int code =
        pixels ? hedon_backend_find(strip->ctx, "cpu", &backend) : hedon_fail_memory(strip->ctx);
    if (!code) code = backend->preprocessor_new(strip->ctx, &transform, frame, &preprocessor);
    if (!code) {
        backend->preprocess(preprocessor, frame, pixels, (int64_t)area);
        for (int cell = 0; cell < strip->cells; cell++)
            if (strip->frame[cell] == frame->index) put_cell(strip, cell, pixels);
        backend->preprocessor_free(preprocessor);
    }
    hedon_free(pixels);
    return code;
}

/* ---- PNG */

typedef struct Buffer {
    uint8_t *data;
    size_t size, room;
} Buffer;

static void append(png_structp png, png_bytep bytes, png_size_t count)
{
    Buffer *buffer = png_get_io_ptr(png);
    if (count > buffer->room - buffer->size) {
        const size_t room = 2 * buffer->room + count;
        uint8_t *more = hedon_realloc(buffer->data, room, 1);
        if (!more) png_error(png, "out of memory");
        buffer->data = more;
        buffer->room = room;
    }
    memcpy(buffer->data + buffer->size, bytes, count);
    buffer->size += count;
}

static void no_flush(png_structp png)
{
    (void)png;
}

static void no_warning(png_structp png, png_const_charp sentence)
{
    (void)png;
    (void)sentence;
}

/* buffer is the caller's, so that it survives the jump out of libpng. */
static int encode(HedonContext *ctx, const Strip *strip, Buffer *buffer)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, no_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_write_struct(&png, NULL);
        return hedon_fail_memory(ctx);
    }
    const uint32_t width = (uint32_t)(strip->cells * strip->cell_width);
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return hedon_fail_memory(ctx);
    }
    png_set_write_fn(png, buffer, append, no_flush);
    png_set_compression_level(png, 9);
    png_set_IHDR(png, info, width, HEDON_STRIP_HEIGHT, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (size_t y = 0; y < HEDON_STRIP_HEIGHT; y++) png_write_row(png, strip->rgb + 3 * y * width);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return 0;
}

/* ---- Frames */

/* The last frame shown by then. */
static int64_t frame_at(const double *times, int64_t frames, double seconds)
{
    int64_t low = 0, high = frames;
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (times[middle] <= seconds)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static int decode(HedonContext *ctx, HedonWorker *worker, Strip *strip, const double *times)
{
    const HedonVideoInfo *info = hedon_worker_info(worker);
    if (info->frames < 1) return hedon_fail(ctx, HEDON_EDATA, "no frame decodes");
    int64_t wanted[HEDON_MOST_PEAKS];
    size_t count = 0;
    for (int i = 0; i < strip->cells; i++) {
        strip->frame[i] = frame_at(hedon_worker_times(worker), info->frames, times[i]);
        if (!count || wanted[count - 1] != strip->frame[i]) wanted[count++] = strip->frame[i];
    }
    return hedon_worker_frames(ctx, worker, wanted, count, 0, take_frame, strip);
}

int hedon_strip_make(HedonContext *ctx, HedonWorker *worker, const char *path, const double *times,
                     int count, uint8_t **png, size_t *size)
{
    Strip strip = {.ctx = ctx, .cells = count < HEDON_MOST_PEAKS ? count : HEDON_MOST_PEAKS};
    Buffer buffer = {0};
    *png = NULL;
    int code = hedon_worker_open(ctx, worker, path);
    if (code) return code;
    const HedonVideoInfo *info = hedon_worker_info(worker);
    const double width = round((double)HEDON_STRIP_HEIGHT * info->width / fmax(1, info->height));
    strip.cell_width = (int)fmin(320, fmax(24, width));
    strip.rgb =
        hedon_calloc((size_t)strip.cells * (size_t)strip.cell_width, 3 * HEDON_STRIP_HEIGHT);
    code = strip.rgb ? decode(ctx, worker, &strip, times) : hedon_fail_memory(ctx);
    if (code == HEDON_ERESAMPLE) code = decode(ctx, worker, &strip, times); /* damaged: once more */
    if (!code) code = encode(ctx, &strip, &buffer);
    hedon_free(strip.rgb);
    if (code) {
        hedon_free(buffer.data);
        return code;
    }
    *png = buffer.data;
    *size = buffer.size;
    return 0;
}
