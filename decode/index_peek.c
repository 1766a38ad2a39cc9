/* Sources: ITU-T H.264 7.3.1, 7.4.1, D.2.8; H.265 7.4.2.2 and ISO/IEC 14496-15 8.3.3.1 (hvcC);
 * ISO/IEC 14496-2 6.2.5; 13818-2 6.2.3; RFC 6386 9.1. Whatever can't be parsed is called needed and
 * no entry, which costs time but never a wrong picture. */
#include "decode/index_peek.h"

void hedon_peek_init(HedonPeek *peek, const AVCodecParameters *par)
{
    const AVCodecDescriptor *descriptor = avcodec_descriptor_get(par->codec_id);
    const uint8_t *extra = par->extradata;
    *peek = (HedonPeek){
        .codec = par->codec_id,
        .intra_only = descriptor && (descriptor->props & AV_CODEC_PROP_INTRA_ONLY),
    };
    switch (par->codec_id) {
    case AV_CODEC_ID_H264:
        if (par->extradata_size >= 7 && extra[0] == 1) peek->length_bytes = (extra[4] & 3) + 1;
        peek->known = 1;
        break;
    case AV_CODEC_ID_HEVC:
        if (par->extradata_size >= 23 && extra[0] == 1) {
            peek->length_bytes = (extra[21] & 3) + 1;
            peek->one_layer = (extra[21] >> 3 & 7) == 1;
        }
        peek->known = 1;
        break;
    case AV_CODEC_ID_MPEG4:
    case AV_CODEC_ID_MPEG1VIDEO:
    case AV_CODEC_ID_MPEG2VIDEO:
    case AV_CODEC_ID_H263:
    case AV_CODEC_ID_FLV1:
    case AV_CODEC_ID_VP8:
    case AV_CODEC_ID_VP9:
    case AV_CODEC_ID_AV1:
        peek->known = 1;
        break;
    default:
        peek->known = peek->intra_only;
    }
}

/* The next 00 00 01 at or after `at`, as the offset of the byte behind it; size when there is none.
 */
static int after_start_code(const uint8_t *data, int size, int at)
{
    for (; at + 3 < size; at++)
        if (data[at + 2] > 1)
            at += 2;
        else if (data[at + 2] == 1 && !data[at] && !data[at + 1])
            return at + 3;
    return size;
}

/* Steps through NAL units of either framing. *at is 0 at first; returns the offset of the next
 * unit's header or -1, and its end where the framing tells (else the packet's). */
static int next_nal(const HedonPeek *peek, const uint8_t *data, int size, int *at, int *end)
{
    if (!peek->length_bytes) {
        const int nal = after_start_code(data, size, *at);
        *at = nal;
        *end = size;
        return nal < size ? nal : -1;
    }
    if (size - *at <= peek->length_bytes) return -1;
    uint32_t length = 0;
    for (int i = 0; i < peek->length_bytes; i++) length = length << 8 | data[*at + i];
    const int nal = *at + peek->length_bytes;
    if (!length || length > (uint32_t)(size - nal)) return -1;
    *at = *end = nal + (int)length;
    return nal;
}

/* A recovery point message that promises exact pictures from its own picture on. */
static int has_exact_recovery_point(const uint8_t *sei, int size)
{
    int at = 1;
    while (at + 2 < size && sei[at] != 0x80) {
        int type = 0, length = 0;
        while (at < size && sei[at] == 255) type += sei[at++];
        if (at < size) type += sei[at++];
        while (at < size && sei[at] == 255) length += sei[at++];
        if (at < size) length += sei[at++];
        /* recovery_frame_cnt ue(v) = 0 is the bit 1; then exact_match_flag */
        if (type == 6) return at < size && sei[at] >> 6 == 3;
        if (length > size - at) return 0;
        at += length;
    }
    return 0;
}

static int peek_h264(const HedonPeek *peek, const uint8_t *data, int size)
{
    int at = 0, end, nal, slices = 0, referred = 0, entry = 0;
    while ((nal = next_nal(peek, data, size, &at, &end)) >= 0) {
        const int type = data[nal] & 31;
        if (type == 6) entry |= has_exact_recovery_point(data + nal, end - nal);
        if (type < 1 || type > 5) continue;
        slices++;
        referred |= data[nal] >> 5 & 3;
        entry |= type == 5;
        if (referred) break;
    }
    return (slices && !referred ? HEDON_PEEK_UNNEEDED : 0) |
           (slices && entry ? HEDON_PEEK_ENTRY : 0);
}

static int peek_hevc(const HedonPeek *peek, const uint8_t *data, int size)
{
    int at = 0, end, nal;
    while ((nal = next_nal(peek, data, size, &at, &end)) >= 0) {
        const int type = data[nal] >> 1 & 63;
        if (type >= 32) continue;
        if (type >= 16 && type <= 21) return HEDON_PEEK_ENTRY;
        return peek->one_layer && type < 16 && type % 2 == 0 ? HEDON_PEEK_UNNEEDED : 0;
    }
    return 0;
}

/* Picture headers of MPEG-1, 2 and 4: a second B picture in the packet (a field, or a packed frame)
 * is looked at too. */
static int peek_mpeg(const HedonPeek *peek, const uint8_t *data, int size)
{
    const int header = peek->codec == AV_CODEC_ID_MPEG4 ? 0xb6 : 0x00;
    int pictures = 0, needed = 0, entry = 0;
    for (int at = 0; (at = after_start_code(data, size, at)) + 2 < size;) {
        if (data[at] != header) continue;
        const int intra = peek->codec == AV_CODEC_ID_MPEG4 ? data[at + 1] >> 6 == 0
                                                           : (data[at + 2] >> 3 & 7) == 1;
        const int between = peek->codec == AV_CODEC_ID_MPEG4 ? data[at + 1] >> 6 == 2
                                                             : (data[at + 2] >> 3 & 7) == 3;
        needed |= !between;
        entry |= !pictures++ && intra;
    }
    return (pictures && !needed ? HEDON_PEEK_UNNEEDED : 0) | (entry ? HEDON_PEEK_ENTRY : 0);
}

int hedon_peek(const HedonPeek *peek, const uint8_t *data, int size)
{
    if (size < 1) return 0;
    switch (peek->codec) {
    case AV_CODEC_ID_H264:
        return peek_h264(peek, data, size);
    case AV_CODEC_ID_HEVC:
        return peek_hevc(peek, data, size);
    case AV_CODEC_ID_MPEG4:
    case AV_CODEC_ID_MPEG1VIDEO:
    case AV_CODEC_ID_MPEG2VIDEO:
        return peek_mpeg(peek, data, size);
    case AV_CODEC_ID_VP8:
        return (data[0] & 1 ? 0 : HEDON_PEEK_ENTRY) | (data[0] & 16 ? 0 : HEDON_PEEK_HIDDEN);
    case AV_CODEC_ID_VP9:
    case AV_CODEC_ID_AV1:
    case AV_CODEC_ID_H263:
    case AV_CODEC_ID_FLV1:
        return HEDON_PEEK_ENTRY;
    default:
        return peek->intra_only ? HEDON_PEEK_ENTRY | HEDON_PEEK_UNNEEDED : 0;
    }
}
