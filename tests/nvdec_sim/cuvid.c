/* A simulated libnvcuvid.so.1, as far as libavcodec's hardware decoding goes. A picture's slices
 * are not decoded but looked up (pictures.h); unknown ones come out gray, as the proof's picture
 * is. Like a driver it opens a device, and talks to it, for every decoder. $HEDON_SIM_FAULT: what
 * it does wrong. Structs begin as those of NVIDIA's cuviddec.h. */
#include "pictures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { SUCCESS, FAILED = 999, NOT_SUPPORTED = 801 };
enum { CODEC_H264 = 4, CODEC_HEVC = 8, SURFACES = 64, GRAY = 126, NEUTRAL = 128 };

typedef struct Caps {
    int codec, chroma;
    unsigned depth_minus_8, reserved[3];
    unsigned char supported, engines;
    unsigned short formats;
    unsigned max_width, max_height, max_macroblocks;
    unsigned short min_width, min_height;
} Caps;

typedef struct CreateInfo {
    unsigned long width, height, surfaces;
    int codec, chroma;
    unsigned long flags, depth_minus_8;
} CreateInfo;

typedef struct PictureParameters {
    int width_in_macroblocks, height_in_macroblocks, index, field, bottom, second_field;
    unsigned bytes;
    const uint8_t *bitstream;
} PictureParameters;

typedef struct Decoder {
    size_t width, height, sample_bytes, surfaces;
    uint64_t hash[SURFACES];
    int decoded;
} Decoder;

static const char *fault = "";
static int fault_after;
static uint8_t *pictures;
static size_t picture_bytes;

/* Before the sandbox: this is when the library is loaded. "name" or "name:N", after N pictures. */
__attribute__((constructor)) static void load(void)
{
    static char name[64];
    if (getenv("HEDON_SIM_FAULT")) {
        snprintf(name, sizeof(name), "%s", getenv("HEDON_SIM_FAULT"));
        fault = name;
        char *colon = strchr(name, ':');
        if (colon) fault_after = atoi(colon + 1), *colon = 0;
    }
    const char *path = getenv("HEDON_SIM_PICTURES");
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file) return;
    fseek(file, 0, SEEK_END);
    picture_bytes = (size_t)ftell(file);
    rewind(file);
    pictures = malloc(picture_bytes);
    if (!pictures || fread(pictures, 1, picture_bytes, file) != picture_bytes) abort();
    fclose(file);
}

static const SimPicture *find(uint64_t hash)
{
    for (size_t at = 0; at < picture_bytes;) {
        const SimPicture *picture = (const SimPicture *)(pictures + at);
        if (picture->hash == hash) return picture;
        at += sizeof(*picture) + sim_picture_bytes(picture);
    }
    return NULL;
}

EXPORT int cuvidGetDecoderCaps(Caps *caps)
{
    caps->supported =
        strcmp(fault, "profile") != 0 && (caps->codec == CODEC_H264 || caps->codec == CODEC_HEVC);
    caps->formats = 3;
    caps->max_width = caps->max_height = 8192;
    caps->max_macroblocks = 1 << 18;
    caps->min_width = caps->min_height = 16;
    return SUCCESS;
}

static int talk_to_a_device(void)
{
    const int device = open(!strcmp(fault, "curious") ? "/etc/passwd" : "/dev/null", O_RDONLY);
    if (device < 0) return -1;
    int bytes;
    const int bad = ioctl(device, FIONREAD, &bytes) < 0 && errno != ENOTTY;
    close(device);
    if (bad || strcmp(fault, "talkative")) return bad;
    const int out = socket(AF_INET, SOCK_STREAM, 0);
    if (out >= 0) close(out);
    return out < 0;
}

EXPORT int cuvidCreateDecoder(Decoder **out, const CreateInfo *info)
{
    if (!strcmp(fault, "create") || info->surfaces > SURFACES || talk_to_a_device()) return FAILED;
    Decoder *decoder = calloc(1, sizeof(*decoder));
    if (!decoder) return FAILED;
    decoder->width = info->width;
    decoder->height = info->height;
    decoder->sample_bytes = info->depth_minus_8 ? 2 : 1;
    decoder->surfaces = info->surfaces;
    *out = decoder;
    return SUCCESS;
}

EXPORT int cuvidDestroyDecoder(Decoder *decoder)
{
    free(decoder);
    return SUCCESS;
}

/* An allocation that can't be had, as the process's libraries make them. */
static int run_out_of_memory(void)
{
    static volatile size_t too_much = SIZE_MAX / 2;
    void *none;
    return posix_memalign(&none, 64, too_much) ? FAILED : SUCCESS;
}

EXPORT int cuvidDecodePicture(Decoder *decoder, const PictureParameters *picture)
{
    if (!strcmp(fault, "decode") && decoder->decoded++ >= fault_after) return FAILED;
    if (!strcmp(fault, "memory") && decoder->decoded++ >= fault_after) return run_out_of_memory();
    if (picture->index < 0 || (size_t)picture->index >= decoder->surfaces) return FAILED;
    decoder->hash[picture->index] = sim_hash(SIM_HASH_START, picture->bitstream, picture->bytes);
    return SUCCESS;
}

static void fill(uint8_t *rows, size_t samples, size_t sample_bytes, int value)
{
    for (size_t i = 0; i < samples; i++)
        if (sample_bytes == 1)
            rows[i] = (uint8_t)value;
        else
            ((uint16_t *)rows)[i] = (uint16_t)(value << 8);
}

EXPORT int cuvidMapVideoFrame64(Decoder *decoder, int index, uint64_t *address, unsigned *pitch,
                                const void *parameters)
{
    (void)parameters;
    if (!strcmp(fault, "map") && decoder->decoded++ >= fault_after) return FAILED;
    const size_t row = (decoder->width * decoder->sample_bytes + 255) & ~(size_t)255;
    uint8_t *surface = malloc(row * (decoder->height + decoder->height / 2));
    if (!surface) return FAILED;
    uint8_t *chroma = surface + row * decoder->height;
    fill(surface, row / decoder->sample_bytes * decoder->height, decoder->sample_bytes, GRAY);
    fill(chroma, row / decoder->sample_bytes * decoder->height / 2, decoder->sample_bytes, NEUTRAL);
    const SimPicture *picture = find(decoder->hash[index]);
    const size_t dense = picture ? (size_t)(picture->width * picture->sample_bytes) : 0;
    const uint8_t *from = (const uint8_t *)(picture + 1);
    for (int y = 0; picture && y < picture->height; y++, from += dense)
        memcpy(surface + (size_t)y * row, from, dense);
    for (int y = 0; picture && y < picture->height / 2; y++, from += dense)
        memcpy(chroma + (size_t)y * row, from, dense);
    *address = (uint64_t)(uintptr_t)surface;
    *pitch = (unsigned)row;
    return SUCCESS;
}

EXPORT int cuvidUnmapVideoFrame64(Decoder *decoder, uint64_t address)
{
    (void)decoder;
    free((void *)(uintptr_t)address);
    return SUCCESS;
}

/* Asked for when libavcodec loads the library, never called. */
#define UNUSED(name)                                                                               \
    EXPORT int name(void)                                                                          \
    {                                                                                              \
        return NOT_SUPPORTED;                                                                      \
    }
UNUSED(cuvidCreateVideoParser)
UNUSED(cuvidCreateVideoSource)
UNUSED(cuvidCreateVideoSourceW)
UNUSED(cuvidCtxLock)
UNUSED(cuvidCtxLockCreate)
UNUSED(cuvidCtxLockDestroy)
UNUSED(cuvidCtxUnlock)
UNUSED(cuvidDestroyVideoParser)
UNUSED(cuvidDestroyVideoSource)
UNUSED(cuvidGetDecodeStatus)
UNUSED(cuvidGetSourceAudioFormat)
UNUSED(cuvidGetSourceVideoFormat)
UNUSED(cuvidGetVideoSourceState)
UNUSED(cuvidParseVideoData)
UNUSED(cuvidReconfigureDecoder)
UNUSED(cuvidSetVideoSourceState)
