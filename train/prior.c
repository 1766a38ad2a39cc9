#include "train/prior.h"

#include <math.h>

#include "base/error.h"

/* An emotion that nobody felt, or everybody, has no log odds. */
static const double LEAST = 1e-3;

int hedon_train_prior_bias(HedonContext *ctx, HedonModel *model, const HedonTrainData *data)
{
    const HedonTensor *bias = hedon_model_parameter(model, "head.emotions.bias");
    if (!bias || !data->vce)
        return hedon_fail(ctx, HEDON_EINVAL,
                          "only an emotions head can begin with the mean ratings");
    double sum[HEDON_EMOTIONS] = {0};
    for (int64_t i = 0; i < data->train.clip_count; i++) {
        const HedonDatasetItem *item = hedon_dataset_item(data->vce, data->train.clips[i]);
        for (int k = 0; k < HEDON_EMOTIONS; k++) sum[k] += (double)item->intensities[k];
    }
    for (int k = 0; k < HEDON_EMOTIONS; k++) {
        const double mean = sum[k] / (double)data->train.clip_count;
        const double p = fmin(fmax(mean, LEAST), 1 - LEAST);
        ((float *)bias->data)[k] = (float)log(p / (1 - p));
    }
    return 0;
}
