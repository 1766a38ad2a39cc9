/* PyTorch checkpoints (.pth, .pt) as a source of named tensors: the zip of torch.save since 1.6,
 * and the format before it. https://github.com/pytorch/pytorch/blob/main/torch/serialization.py.
 * Nothing in a file is executed: see models/pickle.h for what its pickle may say. */
#ifndef HEDON_MODELS_TORCH_FILE_H
#define HEDON_MODELS_TORCH_FILE_H

#include "models/stored_tensor.h"

typedef struct HedonTorchFile HedonTorchFile;

/** Whether a file begins as torch.save's do (any zip, or the old magic number). Failures as those
 *  of hedon_mapped_open. */
int hedon_torch_recognise(HedonContext *ctx, const char *path, int *is_torch);

/**
 * Open a checkpoint and find its state dict, at the top or nested under one of the usual keys
 * ("state_dict", "model", ...), its names without the prefixes that wrappers put before them
 * ("module.", "_orig_mod."). Sizes, strides and places of all its tensors are checked; their
 * elements are read when they are fetched.
 *
 * @return 0; HEDON_ENOENT, HEDON_EISDIR, HEDON_EIO; HEDON_EDATA: damaged, big-endian, or with
 *         anything in it that is no plain data (named in the sentence); HEDON_ELIMIT: larger than
 *         any state dict needs; HEDON_ENOMEM.
 */
int hedon_torch_open(HedonContext *ctx, HedonTorchFile **out, const char *path);
void hedon_torch_close(HedonTorchFile *file);
/** Borrowed until the file is closed. */
const HedonTensorSource *hedon_torch_source(const HedonTorchFile *file);
/** Where the state dict was found, as a phrase ("under 'model', names without 'module.'"); "" when
 *  the file is one. */
const char *hedon_torch_taken(const HedonTorchFile *file);

#endif
