/* What stands in for libFuzzer where there is none: mutates a target's seeds, deterministically, for
 * a number of inputs or a number of seconds, whichever ends first. No feedback from coverage, so
 * it finds only what lies near the seeds; it is the part of fuzzing that every test run can afford.
 *
 *   fuzz_X [-n INPUTS] [-t SECONDS]   mutate; a crash prints the input's number
 *   fuzz_X -i NUMBER [-o FILE]        that input alone; -o writes it first
 *   fuzz_X -s DIRECTORY               write the seeds, as libFuzzer's corpus
 *   fuzz_X FILE...                    these inputs
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/random.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_SEEDS = 16, INPUT_SECONDS = 20 };

typedef struct Bytes {
    uint8_t *data;
    size_t size;
} Bytes;

static Bytes seeds[MAX_SEEDS];
static int seed_count;
static volatile long current = -1;

/* ---- Saying which input it was, whoever ends the program ------------------------------------- */

static void say_current(void)
{
    char text[96];
    const int length = snprintf(text, sizeof(text), "\nfuzz: this was input %ld; run again with -i %ld\n",
                                current, current);
    if (current >= 0 && write(2, text, (size_t)length) < 0) return;
}

static void on_signal(int number)
{
    static const char late[] = "\nfuzz: an input took too long\n";
    if (number == SIGALRM && write(2, late, sizeof(late) - 1) < 0) _exit(1);
    say_current();
    signal(number, SIG_DFL);
    raise(number == SIGALRM ? SIGABRT : number);
}

/* AddressSanitizer has its own handlers and calls this; absent in other builds. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static void watch(void)
{
    signal(SIGALRM, on_signal);
    signal(SIGABRT, on_signal);
    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(say_current);
        return;
    }
    signal(SIGSEGV, on_signal);
    signal(SIGBUS, on_signal);
    signal(SIGFPE, on_signal);
    signal(SIGILL, on_signal);
}

/* ---- Mutation: a pure function of the input's number ------------------------------------------ */

typedef struct Dice {
    HedonRandomKey key;
    uint64_t counter;
} Dice;

static uint64_t roll(Dice *dice, uint64_t sides)
{
    return hedon_random_u64(dice->key, dice->counter++) % sides;
}

/* Headers come first in most formats: half of the places are near the start. */
static size_t place(Dice *dice, size_t size)
{
    const size_t near = size < 512 ? size : 512;
    return (size_t)roll(dice, roll(dice, 2) ? near : size);
}

static void overwrite(Bytes *input, Dice *dice, size_t at)
{
    static const uint64_t odd[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000,
                                   0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX};
    const uint64_t value = odd[roll(dice, sizeof(odd) / sizeof(odd[0]))];
    size_t width = (size_t)1 << roll(dice, 4);
    if (width > input->size - at) width = input->size - at;
    memcpy(input->data + at, &value, width);
}

/* Within the buffer's room, which is twice the seed's size and a little. */
static void mutate(Bytes *input, size_t room, Dice *dice)
{
    if (!input->size) return;
    const size_t at = place(dice, input->size);
    size_t length = 1 + (size_t)roll(dice, roll(dice, 4) ? 16 : input->size);
    if (length > input->size - at) length = input->size - at;
    switch (roll(dice, 8)) {
    case 0: input->data[at] ^= (uint8_t)(1u << roll(dice, 8)); break;
    case 1: input->data[at] = (uint8_t)roll(dice, 256); break;
    case 2: overwrite(input, dice, at); break;
    case 3: input->size = at; break; /* truncated */
    case 4:                          /* a piece is missing */
        memmove(input->data + at, input->data + at + length, input->size - at - length);
        input->size -= length;
        break;
    case 5: /* a piece comes twice */
        if (length > room - input->size) length = room - input->size;
        memmove(input->data + at + length, input->data + at, input->size - at);
        input->size += length;
        break;
    case 6: memmove(input->data + at, input->data + place(dice, input->size - length + 1), length); break;
    default: /* a digit, where there is text, becomes another character of numbers */
        for (size_t i = at; i < input->size && i < at + 64; i++)
            if (input->data[i] >= '0' && input->data[i] <= '9') {
                input->data[i] = (uint8_t)"0123456789-.e"[roll(dice, 13)];
                break;
            }
    }
}

static Bytes make_input(long number)
{
    Bytes input = {0};
    Dice dice = {hedon_random_key(1, 0, (uint64_t)number), 0};
    const Bytes *seed = &seeds[number % seed_count];
    const size_t room = 2 * seed->size + 64;
    input.data = malloc(room);
    if (!input.data) exit(1);
    memcpy(input.data, seed->data, seed->size);
    input.size = seed->size;
    if (number < seed_count) return input; /* first every seed as it is */
    for (uint64_t i = 1 + roll(&dice, 4); i > 0; i--) mutate(&input, room, &dice);
    return input;
}

/* ---- The command line -------------------------------------------------------------------------- */

static void run_one(const uint8_t *data, size_t size)
{
    /* A copy of exactly this size, so that reading past its end is noticed. */
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact) exit(1);
    memcpy(exact, data, size);
    alarm(INPUT_SECONDS);
    LLVMFuzzerTestOneInput(exact, size);
    alarm(0);
    free(exact);
}

static int write_file(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    int failed = !file || fwrite(data, 1, size, file) != size;
    if (file && fclose(file)) failed = 1;
    if (failed) perror(path);
    return failed;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int main(int argc, char **argv)
{
    long inputs = 1000, only = -1;
    double seconds = 5;
    const char *out = NULL, *directory = NULL;
    for (int option; (option = getopt(argc, argv, "n:t:i:o:s:")) != -1;) {
        if (option == 'n') inputs = atol(optarg);
        else if (option == 't') seconds = atof(optarg);
        else if (option == 'i') only = atol(optarg);
        else if (option == 'o') out = optarg;
        else if (option == 's') directory = optarg;
        else return 2;
    }
    watch();
    for (int i = optind; i < argc; i++) {
        Bytes input;
        input.data = fuzz_seed_file(argv[i], &input.size);
        if (!input.data) {
            perror(argv[i]);
            return 1;
        }
        run_one(input.data, input.size);
        free(input.data);
    }
    if (optind < argc) return 0;

    while (seed_count < MAX_SEEDS &&
           (seeds[seed_count].data = fuzz_seed(seed_count, &seeds[seed_count].size)))
        seed_count++;
    if (!seed_count) {
        fprintf(stderr, "fuzz: no seeds could be made\n");
        return 1;
    }
    int failed = 0;
    for (int i = 0; directory && i < seed_count; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/seed%d", directory, i);
        failed |= write_file(path, seeds[i].data, seeds[i].size);
    }
    const double start = now();
    long done = 0;
    for (long i = only < 0 ? 0 : only; !directory && (only < 0 ? i < inputs : i == only); i++) {
        if (only < 0 && i >= seed_count && now() - start > seconds) break;
        current = i;
        Bytes input = make_input(i);
        if (out) failed |= write_file(out, input.data, input.size);
        run_one(input.data, input.size);
        free(input.data);
        done++;
    }
    if (!directory) printf("fuzz: %ld inputs from %d seeds in %.1f s\n", done, seed_count, now() - start);
    for (int i = 0; i < seed_count; i++) free(seeds[i].data);
    return failed;
}
