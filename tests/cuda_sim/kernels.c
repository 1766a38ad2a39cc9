/* The cuda backend's own kernels on the simulated device: the arithmetic is element.h's, the loops
 * plain. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda/kernels.h"
#include "kernels/graph/graph.h"
#include "kernels/ref/kernels.h"
#include "tests/cuda_sim/number.h"
#include "tests/cuda_sim/sim.h"

/* ---- Chains --------------------------------------------------------------------------------- */

static float chain_value(const CudaMatrix *m, const CudaChain *chain, float v, int64_t row,
                         int64_t c)
{
    const int64_t at = row * m->stride + c, position = row % m->positions;
    for (int k = 0; k < chain->count; k++) {
        const CudaChainOp *op = &chain->op[k];
        switch (op->kind) {
        case CUDA_CHAIN_ADD:
            v += number_at(m->type, op->tensor, at);
            break;
        case CUDA_CHAIN_SCALE:
            v *= op->factor;
            break;
        case CUDA_CHAIN_NORM:
            v = cuda_norm(v, chain->mean[c],
                          cuda_norm_scale(chain->gamma[c], chain->variance[c], chain->epsilon),
                          chain->beta[c]);
            break;
        case CUDA_CHAIN_BIAS:
            v += chain->beta[c];
            break;
        case CUDA_CHAIN_RELU:
            v = cuda_relu(v);
            break;
        case CUDA_CHAIN_MASK:
            v = cuda_relu_backward(number_at(m->type, op->tensor, at), v);
            break;
        case CUDA_CHAIN_DROPOUT:
            v = cuda_drop(
                v, *chain->key, op->number,
                (uint64_t)((chain->samples[row / m->positions] * m->channels + c) * m->positions +
                           position),
                op->rate);
            break;
        case CUDA_CHAIN_DROP_PATH:
            v = cuda_drop(v, *chain->key, op->number, (uint64_t)chain->samples[row / m->positions],
                          op->rate);
            break;
        }
    }
    return v;
}

cudaError_t cuda_chain(const CudaMatrix *m, const void *x, void *y, const CudaChain *chain,
                       cudaStream_t stream)
{
    for (int64_t row = 0; row < cuda_matrix_rows(m); row++)
        for (int64_t c = 0; c < m->stride; c++) {
            const int64_t at = row * m->stride + c;
            const float v =
                c < m->channels ? chain_value(m, chain, number_at(m->type, x, at), row, c) : 0;
            number_set(m->type, y, at, v);
        }
    return sim_launch(stream);
}

/* ---- Norms ---------------------------------------------------------------------------------- */

/* Sums stand in the scratch as the device's do: first those of all channels, then the second ones.
 */
int64_t cuda_norm_sums(const CudaMatrix *m)
{
    return 2 * m->stride;
}

int64_t cuda_norm_scratch(const CudaMatrix *form)
{
    return cuda_norm_sums(form) * (int64_t)sizeof(double);
}

cudaError_t cuda_norm_moments_sum(const CudaMatrix *m, const void *x, void *scratch, int ranks,
                                  cudaStream_t stream)
{
    (void)ranks;
    double *sum = scratch, *square = sum + m->stride;
    memset(scratch, 0, (size_t)cuda_norm_scratch(m));
    for (int64_t c = 0; c < m->channels; c++)
        for (int64_t r = 0; r < cuda_matrix_rows(m); r++) {
            const double v = number_at(m->type, x, r * m->stride + c);
            sum[c] += v;
            square[c] += v * v;
        }
    return sim_launch(stream);
}

cudaError_t cuda_norm_moments_finish(const CudaMatrix *m, const void *x, float *mean,
                                     float *variance, void *scratch, int ranks, cudaStream_t stream)
{
    (void)x;
    const double *sum = scratch, *square = sum + m->stride;
    const double count = (double)cuda_matrix_rows(m) * ranks;
    for (int64_t c = 0; c < m->channels; c++) {
        const double centre = sum[c] / count;
        mean[c] = (float)centre;
        variance[c] = (float)fmax(square[c] / count - centre * centre, 0);
    }
    return sim_launch(stream);
}

static float masked(const CudaMatrix *m, const CudaNormBackward *b, int64_t at, int64_t c)
{
    const float dy = number_at(m->type, b->dy, at);
    if (b->mask == CUDA_MASK_NONE) return dy;
    if (b->mask == CUDA_MASK_BY_Y) return cuda_relu_backward(number_at(m->type, b->y, at), dy);
    const float scale = cuda_norm_scale(b->gamma[c], b->variance[c], b->epsilon);
    return cuda_relu_backward(
        cuda_norm(number_at(m->type, b->x, at), b->mean[c], scale, b->beta[c]), dy);
}

cudaError_t cuda_norm_backward_sum(const CudaMatrix *m, const CudaNormBackward *b, void *scratch,
                                   cudaStream_t stream)
{
    double *sum = scratch, *product = sum + m->stride;
    memset(scratch, 0, (size_t)cuda_norm_scratch(m));
    for (int64_t c = 0; c < m->channels; c++) {
        for (int64_t r = 0; r < cuda_matrix_rows(m); r++) {
            const int64_t at = r * m->stride + c;
            const float dy = masked(m, b, at, c);
            sum[c] += dy;
            product[c] += dy * (number_at(m->type, b->x, at) - b->mean[c]);
        }
        b->dgamma[c] = (float)(product[c] / sqrt(b->variance[c] + (double)b->epsilon));
        b->dbeta[c] = (float)sum[c];
    }
    return sim_launch(stream);
}

cudaError_t cuda_norm_backward_finish(const CudaMatrix *m, const CudaNormBackward *b, void *scratch,
                                      cudaStream_t stream)
{
    const double *sum = scratch, *product = sum + m->stride;
    const int64_t rows = cuda_matrix_rows(m);
    const double count = (double)rows * b->ranks;
    for (int64_t c = 0; c < m->stride; c++) {
        const int real = c < m->channels, own = real && !b->running;
        const double variance = real ? b->variance[c] + (double)b->epsilon : 1;
        const float level = own ? (float)(sum[c] / count) : 0;
        const float slope = own ? (float)(product[c] / variance / count) : 0;
        for (int64_t r = 0; r < rows; r++) {
            const int64_t at = r * m->stride + c;
            float dx = 0;
            if (real)
                dx = cuda_norm_backward(
                    number_at(m->type, b->x, at), masked(m, b, at, c), b->mean[c],
                    cuda_norm_scale(b->gamma[c], b->variance[c], b->epsilon), level, slope);
            number_set(m->type, b->dx, at, dx);
        }
    }
    return sim_launch(stream);
}

cudaError_t cuda_channel_sum(const CudaMatrix *m, const void *x, float *y, void *scratch,
                             cudaStream_t stream)
{
    (void)scratch;
    for (int64_t c = 0; c < m->channels; c++) {
        double sum = 0;
        for (int64_t r = 0; r < cuda_matrix_rows(m); r++)
            sum += number_at(m->type, x, r * m->stride + c);
        y[c] = (float)sum;
    }
    return sim_launch(stream);
}

/* ---- Pools, layouts -------------------------------------------------------------------------- */

cudaError_t cuda_mean_pool(const CudaMatrix *m, const void *x, float *y, cudaStream_t stream)
{
    for (int64_t n = 0; n < m->samples; n++)
        for (int64_t c = 0; c < m->channels; c++) {
            double sum = 0;
            for (int64_t p = 0; p < m->positions; p++)
                sum += number_at(m->type, x, (n * m->positions + p) * m->stride + c);
            y[n * m->channels + c] = (float)(sum / (double)m->positions);
        }
    return sim_launch(stream);
}

cudaError_t cuda_mean_pool_backward(const CudaMatrix *m, const float *dy, void *dx,
                                    cudaStream_t stream)
{
    for (int64_t row = 0; row < cuda_matrix_rows(m); row++)
        for (int64_t c = 0; c < m->stride; c++)
            number_set(m->type, dx, row * m->stride + c,
                       c < m->channels
                           ? dy[row / m->positions * m->channels + c] / (float)m->positions
                           : 0);
    return sim_launch(stream);
}

cudaError_t cuda_to_rows(const CudaMatrix *m, const float *from, void *to, cudaStream_t stream)
{
    for (int64_t n = 0; n < m->samples; n++)
        for (int64_t p = 0; p < m->positions; p++)
            for (int64_t c = 0; c < m->stride; c++)
                number_set(m->type, to, (n * m->positions + p) * m->stride + c,
                           c < m->channels ? from[(n * m->channels + c) * m->positions + p] : 0);
    return sim_launch(stream);
}

cudaError_t cuda_from_rows(const CudaMatrix *m, const void *from, float *to, cudaStream_t stream)
{
    for (int64_t n = 0; n < m->samples; n++)
        for (int64_t c = 0; c < m->channels; c++)
            for (int64_t p = 0; p < m->positions; p++)
                to[(n * m->channels + c) * m->positions + p] =
                    number_at(m->type, from, (n * m->positions + p) * m->stride + c);
    return sim_launch(stream);
}

cudaError_t cuda_pack(CudaType type, const CudaPackItem *items, int count, int64_t pairs,
                      cudaStream_t stream)
{
    (void)pairs;
    for (int k = 0; k < count; k++) {
        const CudaPackItem *i = &items[k];
        for (int64_t o = 0; o < i->padded_outputs; o++)
            for (int64_t t = 0; t < i->taps; t++)
                for (int64_t c = 0; c < i->padded_inputs; c++)
                    number_set(type, i->to, (o * i->taps + t) * i->padded_inputs + c,
                               o < i->outputs && c < i->inputs
                                   ? i->from[(o * i->inputs + c) * i->taps + t]
                                   : 0);
    }
    return sim_launch(stream);
}

cudaError_t cuda_unpack(CudaType type, const void *from, float *to, int64_t outputs, int64_t inputs,
                        int64_t taps, cudaStream_t stream)
{
    const int64_t padded = cuda_pad_channels(type, inputs);
    for (int64_t o = 0; o < outputs; o++)
        for (int64_t c = 0; c < inputs; c++)
            for (int64_t t = 0; t < taps; t++)
                to[(o * inputs + c) * taps + t] =
                    number_at(type, from, (o * taps + t) * padded + c);
    return sim_launch(stream);
}

cudaError_t cuda_deliver(float *to, const float *from, int64_t count, const float *factor, int add,
                         cudaStream_t stream)
{
    for (int64_t i = 0; i < count; i++) {
        const float value = factor ? from[i] * *factor : from[i];
        to[i] = add ? to[i] + value : value;
    }
    return sim_launch(stream);
}

cudaError_t cuda_apply_updates(const CudaUpdateItem *items, int count, cudaStream_t stream)
{
    for (int k = 0; k < count; k++)
        for (int64_t i = 0; i < items[k].count; i++)
            items[k].parameter[i] = (float)((1 - items[k].rate) * items[k].parameter[i] +
                                            items[k].rate * (items[k].scale * items[k].value[i]));
    return sim_launch(stream);
}

cudaError_t cuda_set_key(uint64_t *to, uint64_t value, cudaStream_t stream)
{
    *to = value;
    return sim_launch(stream);
}

/* ---- Direct convolutions ----------------------------------------------------------------------
 */

/* Through the reference kernels: unpacked to the logical layout and back. */
static float *logical(const CudaMatrix *m, const void *from)
{
    float *wide = malloc((size_t)(cuda_matrix_rows(m) * m->channels) * sizeof(*wide));
    if (from) cuda_from_rows(m, from, wide, NULL);
    return wide;
}

static void direct(const CudaDirect *d, HedonOpKind op, const void *a, const void *b, void *out)
{
    HedonAttributes attributes = {.conv = {.groups = d->groups}};
    HedonShape x = {5, {d->x.samples, d->x.channels}}, y = {5, {d->y.samples, d->y.channels}};
    HedonShape w = {5, {d->y.channels, d->x.channels / d->groups}};
    for (int i = 0; i < 3; i++) {
        attributes.conv.stride[i] = d->stride[i];
        attributes.conv.padding[i] = d->padding[i];
        attributes.conv.dilation[i] = d->dilation[i];
        x.dim[2 + i] = d->xs[i];
        y.dim[2 + i] = d->ys[i];
        w.dim[2 + i] = d->ws[i];
    }
    RefCall call = {.attributes = &attributes};
    if (op == HEDON_OP_CONV) {
        call.input_shape[0] = &x, call.input_shape[1] = &w, call.output_shape[0] = &y;
    } else if (op == HEDON_OP_CONV_BACKWARD_DATA) {
        call.input_shape[0] = &y, call.input_shape[1] = &w, call.output_shape[0] = &x;
    } else {
        call.input_shape[0] = &x, call.input_shape[1] = &y, call.output_shape[0] = &w;
    }
    call.input[0] = a, call.input[1] = b, call.output[0] = out;
    ref_kernels_f32[op](&call);
}

cudaError_t cuda_direct_forward(const CudaDirect *d, const void *x, const float *w, void *y,
                                cudaStream_t stream)
{
    float *in = logical(&d->x, x), *out = logical(&d->y, NULL);
    direct(d, HEDON_OP_CONV, in, w, out);
    cuda_to_rows(&d->y, out, y, stream);
    free(in), free(out);
    return sim_launch(stream);
}

cudaError_t cuda_direct_data(const CudaDirect *d, const void *dy, const float *w, void *dx,
                             cudaStream_t stream)
{
    float *in = logical(&d->y, dy), *out = logical(&d->x, NULL);
    direct(d, HEDON_OP_CONV_BACKWARD_DATA, in, w, out);
    cuda_to_rows(&d->x, out, dx, stream);
    free(in), free(out);
    return sim_launch(stream);
}

cudaError_t cuda_direct_weights(const CudaDirect *d, const void *x, const void *dy, float *dw,
                                cudaStream_t stream)
{
    float *a = logical(&d->x, x), *b = logical(&d->y, dy);
    direct(d, HEDON_OP_CONV_BACKWARD_WEIGHTS, a, b, dw);
    free(a), free(b);
    return sim_launch(stream);
}

/* ---- Losses ---------------------------------------------------------------------------------- */

static double weight_of(const CudaLoss *call, int64_t n)
{
    return call->weights ? (double)call->weights[n] : 1;
}

static void divide(const CudaLoss *call, double loss, double total, int64_t count)
{
    *call->loss = (float)(total > 0 ? loss / total : 0);
    for (int64_t i = 0; i < count; i++)
        call->gradient[i] =
            total > 0
                ? (float)(call->gradient[i] / total * (call->scale ? (double)*call->scale : 1))
                : 0;
}

static void finish(const CudaLoss *call, double loss, double total, int64_t count)
{
    if (!call->sums) {
        divide(call, loss, total, count);
        return;
    }
    call->sums[0] = loss;
    call->sums[1] = total;
}

cudaError_t cuda_loss_share(const CudaLoss *call, int64_t count, cudaStream_t stream)
{
    divide(call, call->sums[0], call->sums[1], count);
    return sim_launch(stream);
}

cudaError_t cuda_loss_bce_run(const CudaLoss *call, cudaStream_t stream)
{
    double loss = 0, total = 0, slope;
    for (int64_t n = 0; n < call->samples; n++) {
        const double w = weight_of(call, n);
        total += w;
        for (int64_t i = n * call->size; i < (n + 1) * call->size; i++) {
            call->gradient[i] = 0;
            if (w == 0) continue;
            loss += w * cuda_loss_bce(call->x[i], call->target[i], &slope) / (double)call->size;
            call->gradient[i] = (float)(w * slope / (double)call->size);
        }
    }
    finish(call, loss, total, call->samples * call->size);
    return sim_launch(stream);
}

static void by_sample(const CudaLoss *call, int lists)
{
    double loss = 0, total = 0;
    for (int64_t n = 0; n < call->samples; n++) {
        const int64_t at = n * call->size;
        const double w = weight_of(call, n);
        int counts;
        const double one = lists
                               ? cuda_loss_list(call->x + at, call->target + at, call->size, w,
                                                call->gradient + at, &counts)
                               : cuda_loss_softmax(call->x + at, call->target + at, call->size, w,
                                                   call->divergence, call->gradient + at, &counts);
        if (!counts) continue;
        loss += w * one;
        total += w;
    }
    finish(call, loss, total, call->samples * call->size);
}

cudaError_t cuda_loss_softmax_run(const CudaLoss *call, cudaStream_t stream)
{
    by_sample(call, 0);
    return sim_launch(stream);
}

cudaError_t cuda_loss_lists_run(const CudaLoss *call, cudaStream_t stream)
{
    by_sample(call, 1);
    return sim_launch(stream);
}

cudaError_t cuda_loss_pairs_run(const CudaLoss *call, cudaStream_t stream)
{
    double loss = 0, total = 0, slope;
    for (int64_t p = 0; p < call->samples; p++) {
        const double w = weight_of(call, p), tie = call->target ? (double)call->target[p] : 0;
        call->gradient[2 * p] = call->gradient[2 * p + 1] = 0;
        if (w == 0) continue;
        loss += w * cuda_loss_pair(call->x[2 * p], call->x[2 * p + 1], tie, call->margin, &slope);
        total += w;
        call->gradient[2 * p + 1] = (float)(w * slope);
        call->gradient[2 * p] = -call->gradient[2 * p + 1];
    }
    finish(call, loss, total, 2 * call->samples);
    return sim_launch(stream);
}

/* ---- Colour: the reference itself ---------------------------------------------------------------
 */

int64_t cuda_colour_scratch(int64_t samples, int64_t frames)
{
    return samples * frames * 8;
}

cudaError_t cuda_colour_motion(const float *x, float *y, int64_t samples, int64_t frames,
                               int64_t pixels, void *scratch, cudaStream_t stream)
{
    (void)scratch;
    const HedonShape from = {5, {samples, 3, frames, 1, pixels}};
    const HedonShape to = {2, {samples, HEDON_COLOUR_MOTION_FEATURES}};
    RefCall call = {.input_shape = {&from}, .input = {x}, .output_shape = {&to}, .output = {y}};
    ref_kernels_f32[HEDON_OP_COLOUR_MOTION](&call);
    return sim_launch(stream);
}

/* ---- Optimisers
 * ---------------------------------------------------------------------------------- */

static void update_piece(const CudaOptimise *call, const CudaPiece *piece)
{
    const CudaRule *rule = &call->rules[piece->ordinal];
    const float factor = (float)call->result[2], keep = (float)call->average_decay;
    for (int64_t i = piece->offset; i < piece->offset + piece->count; i++) {
        float p = call->parameters[i];
        float m = call->moment1 ? call->moment1[i] : 0, v = call->moment2 ? call->moment2[i] : 0;
        if (rule->learns)
            p = call->adamw ? cuda_adamw(p, call->gradients[i], &m, &v, &rule->update, factor)
                            : cuda_sgd(p, call->gradients[i], &m, &rule->update, factor);
        call->parameters[i] = p;
        if (call->moment1) call->moment1[i] = m;
        if (call->moment2) call->moment2[i] = v;
        if (call->average)
            call->average[i] = keep * call->average[i] + (float)(1 - call->average_decay) * p;
    }
}

cudaError_t cuda_optimise_run(const CudaOptimise *call, cudaStream_t stream)
{
    double sum = 0;
    for (int k = 0; k < call->piece_count; k++)
        for (int i = 0; i < call->pieces[k].count && call->rules[call->pieces[k].ordinal].learns;
             i++) {
            const double g = call->gradients[call->pieces[k].offset + i];
            sum += g * g;
        }
    const double norm = sqrt(sum) * fabs(call->gradient_scale);
    call->result[0] = norm;
    call->result[1] = isfinite(norm) ? 1 : 0;
    call->result[2] =
        call->gradient_scale * (call->clip_norm > 0 ? fmin(call->clip_norm / (norm + 1e-6), 1) : 1);
    for (int k = 0; k < call->piece_count && call->result[1]; k++)
        update_piece(call, &call->pieces[k]);
    return sim_launch(stream);
}

/* ---- Pixels
 * -------------------------------------------------------------------------------------- */

cudaError_t cuda_pixels_run(const CudaPixels *call, cudaStream_t stream)
{
    for (int32_t f = 0; f < call->frames; f++)
        for (int32_t j = 0; j < call->height; j++)
            for (int32_t i = 0; i < call->width; i++) cuda_pixel_write(call, f, i, j);
    return sim_launch(stream);
}
