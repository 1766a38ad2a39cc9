#include "store/clips.h"

#include <endian.h>
#include <string.h>

#include "base/memory.h"

static uint8_t *put_double(uint8_t *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    bits = htole64(bits);
    return mempcpy(out, &bits, sizeof(bits));
}

static uint8_t *put_float(uint8_t *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    bits = htole32(bits);
    return mempcpy(out, &bits, sizeof(bits));
}

uint8_t *hedon_clips_pack(const HedonScoreClip *clips, int64_t count)
{
    uint8_t *records = hedon_malloc((size_t)count, HEDON_CLIP_RECORD), *out = records;
    if (!records) return NULL;
    for (const HedonScoreClip *clip = clips; clip < clips + count; clip++) {
        out = put_double(out, clip->start_s);
        out = put_double(out, clip->end_s);
        out = put_double(out, clip->utility);
        for (int i = 0; i < HEDON_EMOTIONS; i++) out = put_float(out, clip->emotions[i]);
    }
    return records;
}

static double take_double(const uint8_t **in)
{
    uint64_t bits;
    double value;
    memcpy(&bits, *in, sizeof(bits));
    *in += sizeof(bits);
    bits = le64toh(bits);
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static float take_float(const uint8_t **in)
{
    uint32_t bits;
    float value;
    memcpy(&bits, *in, sizeof(bits));
    *in += sizeof(bits);
    bits = le32toh(bits);
    memcpy(&value, &bits, sizeof(value));
    return value;
}

void hedon_clips_unpack(HedonScoreClip *clips, int64_t count, const void *records)
{
    const uint8_t *in = records;
    for (HedonScoreClip *clip = clips; clip < clips + count; clip++) {
        clip->start_s = take_double(&in);
        clip->end_s = take_double(&in);
        clip->utility = take_double(&in);
        for (int i = 0; i < HEDON_EMOTIONS; i++) clip->emotions[i] = take_float(&in);
    }
}
