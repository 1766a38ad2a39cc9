/* The Range header of HTTP (RFC 9110, section 14), for one range of bytes. */
#ifndef HEDON_REPORT_SERVE_RANGE_H
#define HEDON_REPORT_SERVE_RANGE_H

#include <stdint.h>

typedef struct HedonRange {
    uint64_t first, last; /* bytes, both included; within the file */
} HedonRange;

/**
 * Read a Range header for a file of `size` bytes.
 *
 * @param header  NULL: there is none
 * @return 1: *range is to be sent; 0: the whole file is, for want of a header that asks for one
 * range; -1: the range asked for is beyond the file's end
 */
int hedon_range_read(const char *header, uint64_t size, HedonRange *range);

#endif
