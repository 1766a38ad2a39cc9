/* Prediction files, as hedon eval reads them: CSV by the first byte's parity, else JSONL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "eval/outputs.h"
#include "tests/fuzz/fuzz.h"

/* A dataset of three videos, made once. */
static HedonDataset *dataset(HedonContext *ctx)
{
    static HedonDataset *opened;
    char dir[] = "/tmp/hedon-fuzz-predictions-XXXXXX", command[256];
    if (opened) return opened;
    if (!mkdtemp(dir)) abort();
    snprintf(command, sizeof(command),
             "cd %s && echo '{\"comparisons\":[[\"1\",\"2\"],[\"2\",\"3\"]]}' > train_labels.json && "
             "echo '{\"comparisons\":[]}' > test_labels.json && "
             "echo '{\"comparisons\":[]}' > listwise_labels.json && echo '{}' > metadata.json",
             dir);
    if (system(command) || hedon_dataset_open(ctx, &opened, "v2v", dir, NULL)) {
        fprintf(stderr, "%s\n", hedon_last_error(ctx));
        abort();
    }
    snprintf(command, sizeof(command), "rm -r %s", dir);
    if (system(command)) abort();
    return opened;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    char path[FUZZ_PATH], named[FUZZ_PATH + 32];
    const int utility = data[0] & 2;
    const int fd = fuzz_file(data + 1, size - 1, path);
    /* the name's ending says the format */
    snprintf(named, sizeof(named), "/tmp/hedon-fuzz-%d.%s", (int)getpid(),
             data[0] & 1 ? "csv" : "jsonl");
    if (symlink(path, named)) abort();
    HedonContext *ctx = hedon_context_new();
    HedonOutputs *outputs;
    if (!hedon_predictions_read(ctx, &outputs, named, dataset(ctx), utility ? 1 : HEDON_EMOTIONS,
                                HEDON_SCALE_AUTO)) {
        for (int64_t i = 0; i < outputs->items * outputs->width; i++)
            if (outputs->value[i] != outputs->value[i]) abort();
        hedon_outputs_free(outputs);
    } else if (!hedon_last_error(ctx)[0]) {
        abort(); /* a failure without a sentence */
    }
    hedon_context_free(ctx);
    unlink(named);
    close(fd);
    return 0;
}

static uint8_t *seed(const char *text, size_t *size)
{
    return fuzz_seed_bytes(text, strlen(text), size);
}

uint8_t *fuzz_seed(int number, size_t *size)
{
    switch (number) {
    case 0: return seed("3id,utility\n1,0.5\n2,-1e3\n4,7\n1,0.5\n", size);
    case 1: return seed("3id,clip,view,utility\n\"1\",0,0,1\r\n1,0,1,2\r\n2,,,3\r\n", size);
    case 2: return seed("2{\"id\":\"1\",\"utility\":1}\n{\"video\":\"a/2.mp4\",\"error\":\"x\"}\n", size);
    case 3: return seed("2{\"video\":\"3.mp4\",\"wellbeing\":{\"utility\":2.5},\"clip\":1e300}\n", size);
    case 4: return seed("0{\"id\":\"1\",\"emotions\":{\"Joy\":1,\"Fear\":0}}\n", size);
    default: return NULL;
    }
}
