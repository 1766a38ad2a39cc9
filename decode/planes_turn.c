#include "decode/planes_turn.h"

#include <stdlib.h>

HedonOrientation hedon_orientation_from_matrix(const int32_t matrix[9])
{
    /* x' = a x + c y, y' = b x + d y, in 16.16 fixed point. */
    const int64_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
    const int64_t straight = llabs(a) + llabs(d), across = llabs(b) + llabs(c);
    if (straight && across * 100 < straight)
        return (HedonOrientation){.mirror_x = a < 0, .mirror_y = d < 0};
    if (across && straight * 100 < across)
        return (HedonOrientation){.swap = 1, .mirror_x = b < 0, .mirror_y = c < 0};
    return (HedonOrientation){0};
}

int hedon_orientation_degrees(HedonOrientation o)
{
    if (o.swap) return o.mirror_x && !o.mirror_y ? 270 : 90;
    return o.mirror_y ? 180 : 0;
}

int hedon_orientation_is_stored(HedonOrientation o)
{
    return !o.swap && !o.mirror_x && !o.mirror_y;
}

enum { TILE = 32 }; /* rows and columns that stay in cache while a plane is transposed */

/* One loop for each sample type; steps are in samples and may be negative. */
#define DEFINE_TURN(name, Sample)                                                                  \
    static void name(Sample *to, const Sample *from, int64_t columns, int64_t rows,                \
                     int64_t step_x, int64_t step_y)                                               \
    {                                                                                              \
        for (int64_t y0 = 0; y0 < rows; y0 += TILE)                                                \
            for (int64_t x0 = 0; x0 < columns; x0 += TILE) {                                       \
                const int64_t y1 = y0 + TILE < rows ? y0 + TILE : rows;                            \
                const int64_t x1 = x0 + TILE < columns ? x0 + TILE : columns;                      \
                for (int64_t y = y0; y < y1; y++)                                                  \
                    for (int64_t x = x0; x < x1; x++)                                              \
                        to[y * columns + x] = from[y * step_y + x * step_x];                       \
            }                                                                                      \
    }
DEFINE_TURN(turn_bytes, uint8_t)
DEFINE_TURN(turn_words, uint16_t)
DEFINE_TURN(turn_doubles, uint32_t)

void hedon_turn_plane(void *to, const void *from, int64_t stride, int64_t width, int64_t height,
                      int sample_bytes, HedonOrientation o)
{
    const int64_t row = stride / sample_bytes;
    const int64_t column = o.mirror_x ? -1 : 1, line = o.mirror_y ? -row : row;
    const int64_t corner = (o.mirror_x ? width - 1 : 0) + (o.mirror_y ? (height - 1) * row : 0);
    const int64_t columns = o.swap ? height : width, rows = o.swap ? width : height;
    const int64_t step_x = o.swap ? line : column, step_y = o.swap ? column : line;
    if (sample_bytes == 1)
        turn_bytes(to, (const uint8_t *)from + corner, columns, rows, step_x, step_y);
    else if (sample_bytes == 4)
        turn_doubles(to, (const uint32_t *)from + corner, columns, rows, step_x, step_y);
    else
        turn_words(to, (const uint16_t *)from + corner, columns, rows, step_x, step_y);
}
