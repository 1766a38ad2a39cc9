/* A fuzz target is one file: LLVMFuzzerTestOneInput and its seeds. Built by clang with HEDON_FUZZ it is
 * a libFuzzer program; otherwise driver.c makes it a test that mutates the seeds deterministically. */
#ifndef HEDON_TESTS_FUZZ_H
#define HEDON_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/** Feed one input to the parser. Whatever it is, the parser returns; crashes are the finding. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** The number-th good input to start from, by malloc; NULL past the last. */
uint8_t *fuzz_seed(int number, size_t *size);

/* ---- For targets whose parser takes a file's name (files.c) ---- */

enum { FUZZ_PATH = 64 };

/** A memory file of these bytes and its name for open(). Returns the descriptor, to be closed. */
int fuzz_file(const uint8_t *data, size_t size, char path[FUZZ_PATH]);
/** A copy of text, as a seed. */
uint8_t *fuzz_seed_bytes(const void *bytes, size_t length, size_t *size);
/** What a command prints to its standard output, as a seed; NULL when it fails. */
uint8_t *fuzz_seed_command(const char *command, size_t *size);
/** The content of a file, as a seed. */
uint8_t *fuzz_seed_file(const char *path, size_t *size);

#endif
