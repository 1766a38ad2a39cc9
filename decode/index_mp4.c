#include "decode/index_mp4.h"

#include "base/error.h"
#include "base/memory.h"

#include <libavutil/intreadwrite.h>

#include <string.h>

enum {
    MOST_BOXES = 1000,      /* of one parent */
    MOST_OFFSET = 1 << 28,  /* libavformat takes a table with larger ones for broken */
    FULL_BOX = 4,           /* bytes of version and flags */
};

typedef struct Box {
    uint32_t kind;
    int64_t begin, end; /* of its content, in the file */
} Box;

/* The first child of that kind in [begin, end); 0 when there is none. */
static int find_box(const HedonBytes *bytes, int64_t begin, int64_t end, uint32_t kind, Box *box)
{
    uint8_t head[16];
    for (int i = 0; i < MOST_BOXES && end - begin >= 8; i++) {
        if (hedon_bytes_read(bytes, head, 8, begin) != 8) return 0;
        uint64_t size = AV_RB32(head);
        int64_t header = 8;
        if (size == 1) {
            if (hedon_bytes_read(bytes, head + 8, 8, begin + 8) != 8) return 0;
            size = AV_RB64(head + 8);
            header = 16;
        }
        if (size < (uint64_t)header || size > (uint64_t)(end - begin)) return 0;
        *box = (Box){AV_RB32(head + 4), begin + header, begin + (int64_t)size};
        if (box->kind == kind) return 1;
        begin = box->end;
    }
    return 0;
}

static int find_path(const HedonBytes *bytes, Box box, const uint32_t *path, int length, Box *found)
{
    for (int i = 0; i < length; i++)
        if (!find_box(bytes, box.begin, box.end, path[i], &box)) return 0;
    *found = box;
    return 1;
}

/* The sample table of the track with that id. */
static int find_sample_table(const HedonBytes *bytes, uint32_t id, Box *table)
{
    static const uint32_t path[] = {MKBETAG('m', 'd', 'i', 'a'), MKBETAG('m', 'i', 'n', 'f'),
                                    MKBETAG('s', 't', 'b', 'l')};
    Box movie, track;
    if (!find_box(bytes, 0, bytes->size, MKBETAG('m', 'o', 'o', 'v'), &movie)) return 0;
    for (int64_t at = movie.begin;
         find_box(bytes, at, movie.end, MKBETAG('t', 'r', 'a', 'k'), &track); at = track.end) {
        Box header;
        uint8_t head[24]; /* version, flags, two times of 4 or 8 bytes, the id */
        if (!find_box(bytes, track.begin, track.end, MKBETAG('t', 'k', 'h', 'd'), &header) ||
            header.end - header.begin < (int64_t)sizeof head ||
            hedon_bytes_read(bytes, head, sizeof head, header.begin) != (int64_t)sizeof head)
            return 0;
        if (AV_RB32(head + (head[0] == 1 ? 20 : 12)) == id)
            return find_path(bytes, track, path, 3, table);
    }
    return 0;
}

/* A box of the sample table whose entries of `width` bytes follow a head of `head` bytes, the last
 * four of which count them. 1: *content is head and entries, to be freed; 0: not there or not whole. */
static int read_table(HedonContext *ctx, const HedonBytes *bytes, const Box *parent, uint32_t kind,
                      int head, int width, uint8_t **content, int64_t *entries)
{
    enum { MOST_HEAD = 16 };
    uint8_t start[MOST_HEAD];
    Box box;
    *content = NULL;
    if (!find_box(bytes, parent->begin, parent->end, kind, &box) || box.end - box.begin < head ||
        hedon_bytes_read(bytes, start, head, box.begin) != head)
        return 0;
    *entries = AV_RB32(start + head - 4);
    if (*entries > (box.end - box.begin - head) / width) return 0;
    const int64_t size = head + *entries * width;
    *content = hedon_malloc((size_t)size, 1);
    if (!*content) return hedon_fail_memory(ctx);
    if (hedon_bytes_read(bytes, *content, size, box.begin) == size) return 1;
    hedon_free(*content);
    *content = NULL;
    return 0;
}

/* Whether sample i is entry i of libavformat's index, going by the sizes, and all lie in the file. */
static int same_samples(HedonContext *ctx, const HedonDemux *demux, const Box *table)
{
    enum { HEAD = FULL_BOX + 8 };
    uint8_t *sizes;
    int64_t count;
    /* all samples of one size: the table has no entries, and is as rare as odd */
    const int read =
        read_table(ctx, demux->bytes, table, MKBETAG('s', 't', 's', 'z'), HEAD, 4, &sizes, &count);
    if (read != 1) return read;
    int same = AV_RB32(sizes + FULL_BOX) == 0 &&
               count == avformat_index_get_entries_count(demux->stream);
    for (int64_t i = 0; same && i < count; i++) {
        const AVIndexEntry *entry = avformat_index_get_entry(demux->stream, (int)i);
        same = AV_RB32(sizes + HEAD + 4 * i) == (uint32_t)entry->size && entry->pos >= 0 &&
               entry->pos <= demux->bytes->size - entry->size;
    }
    hedon_free(sizes);
    return same;
}

/* Runs of (count, offset) to one offset a sample; 0 when they don't make `count`. */
static int expand(const uint8_t *runs, int64_t run_count, int32_t *offsets, int64_t count)
{
    int64_t sample = 0;
    for (int64_t run = 0; run < run_count; run++) {
        const uint32_t length = AV_RB32(runs + 8 * run);
        const int32_t offset = (int32_t)AV_RB32(runs + 8 * run + 4);
        if (length > (uint64_t)(count - sample) || offset > MOST_OFFSET || offset < -MOST_OFFSET)
            return 0;
        for (uint32_t i = 0; i < length; i++) offsets[sample++] = offset;
    }
    return sample == count;
}

static int one_description(const HedonBytes *bytes, const Box *table)
{
    Box box;
    uint8_t head[FULL_BOX + 4];
    return find_box(bytes, table->begin, table->end, MKBETAG('s', 't', 's', 'd'), &box) &&
           box.end - box.begin >= (int64_t)sizeof head &&
           hedon_bytes_read(bytes, head, sizeof head, box.begin) == (int64_t)sizeof head &&
           AV_RB32(head + FULL_BOX) == 1;
}

int hedon_mp4_offsets(HedonContext *ctx, const HedonDemux *demux, int32_t **offsets)
{
    *offsets = NULL;
    Box table, ignored;
    if (!find_sample_table(demux->bytes, (uint32_t)demux->stream->id, &table) ||
        !one_description(demux->bytes, &table))
        return 0;
    int understood = same_samples(ctx, demux, &table);
    if (understood != 1) return understood;
    uint8_t *content;
    int64_t runs;
    const uint32_t ctts = MKBETAG('c', 't', 't', 's');
    if (!find_box(demux->bytes, table.begin, table.end, ctts, &ignored)) return 1;
    understood = read_table(ctx, demux->bytes, &table, ctts, FULL_BOX + 4, 8, &content, &runs);
    if (understood != 1) return understood;
    const int64_t count = avformat_index_get_entries_count(demux->stream);
    *offsets = hedon_malloc((size_t)count, sizeof **offsets);
    understood = *offsets ? expand(content + FULL_BOX + 4, runs, *offsets, count)
                          : hedon_fail_memory(ctx);
    hedon_free(content);
    if (understood == 1) return 1;
    hedon_free(*offsets);
    *offsets = NULL;
    return understood;
}
