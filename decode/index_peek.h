/* What a packet's first bytes say without decoding it: whether any other picture needs it, whether
 * decoding may begin with it, whether it shows anything. */
#ifndef HEDON_DECODE_INDEX_PEEK_H
#define HEDON_DECODE_INDEX_PEEK_H

#include <libavcodec/avcodec.h>

typedef struct HedonPeek {
    enum AVCodecID codec;
    int length_bytes; /* of a NAL unit's size field; 0: start codes */
    int one_layer; /* HEVC: no temporal sub-layers, so "sub-layer non-reference" means unneeded */
    int intra_only;
    int known; /* packets of this codec can be skipped and jumped among */
} HedonPeek;

enum {
    HEDON_PEEK_UNNEEDED = 1, /* no other picture refers to it */
    HEDON_PEEK_ENTRY = 2,    /* with a container's key flag: decoding may begin here, and everything
                                presented after it is exact */
    HEDON_PEEK_HIDDEN = 4,   /* gives no picture of its own */
};

void hedon_peek_init(HedonPeek *peek, const AVCodecParameters *parameters);
int hedon_peek(const HedonPeek *peek, const uint8_t *data, int size);

#endif
