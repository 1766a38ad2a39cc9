/* The operations' table: what an operation is called, takes, gives and costs. One file each under
 * kernels/graph/op_*.c; adding one is a file, an enum member and a line in ops.c. */
#ifndef HEDON_KERNELS_GRAPH_OPS_H
#define HEDON_KERNELS_GRAPH_OPS_H

#include "kernels/graph/graph.h"

typedef struct HedonOperation {
    const char *name;
    int min_inputs, max_inputs;
    /** Fill output shapes from input shapes (inputs[i] is NULL where optional and absent); 0, or
     *  HEDON_EINVAL with a sentence in message. */
    int (*infer)(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                 HedonShape *output, char *message, size_t room);
    double (*flops)(const HedonShape *const *inputs, const HedonShape *output,
                    const HedonAttributes *attributes);
    /** Append the attributes as " stride 1,2,2" and so on; NULL when there are none. */
    void (*describe)(const HedonAttributes *attributes, char *text, size_t room);
} HedonOperation;

const HedonOperation *hedon_operation(HedonOpKind kind);

#endif
