/* Quarter turns and mirrorings of planes. */
#ifndef HEDON_DECODE_PLANES_TURN_H
#define HEDON_DECODE_PLANES_TURN_H

#include <stddef.h>
#include <stdint.h>

/* Where the shown picture's sample (x, y) comes from: swap exchanges x and y first, then mirror_x
 * and mirror_y count from the far side of the stored picture. All zero: as stored. */
typedef struct HedonOrientation {
    int swap, mirror_x, mirror_y;
} HedonOrientation;

/** From libav's 3x3 display matrix; one that is not a turn by quarters counts as none. */
HedonOrientation hedon_orientation_from_matrix(const int32_t matrix[9]);
/** Clockwise degrees of the turn: 0, 90, 180, 270; a mirroring is not counted. */
int hedon_orientation_degrees(HedonOrientation orientation);
int hedon_orientation_is_stored(HedonOrientation orientation);

/**
 * @param from   width x height samples of 1, 2 or 4 bytes (4: pairs of U and V), rows stride bytes
 *               apart, aligned to a sample
 * @param to     dense rows of the turned plane: height x width where swap is set
 */
void hedon_turn_plane(void *to, const void *from, int64_t stride, int64_t width, int64_t height,
                      int sample_bytes, HedonOrientation orientation);

#endif
