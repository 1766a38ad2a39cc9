/* Apart from reading and writing, so that a model in memory needs no JSON. */
#include <string.h>

#include "models/safetensors.h"

void hedon_safetensors_close(HedonSafetensors *file)
{
    hedon_mapped_close(&file->file);
    hedon_arena_free(&file->arena);
    memset(file, 0, sizeof(*file));
}
