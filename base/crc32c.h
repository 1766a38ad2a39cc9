/* CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), as TFRecord, iSCSI and ext4 use it. */
#ifndef HEDON_BASE_CRC32C_H
#define HEDON_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/** Continue a checksum over more bytes; starts from 0. */
uint32_t hedon_crc32c(uint32_t crc, const void *bytes, size_t size);

#endif
