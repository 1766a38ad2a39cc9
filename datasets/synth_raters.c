/* Latents, and the people who rate and compare: who feels what, and how well they tell.
 *
 * All numbers here are our own choice, made so that a model has something to win (the oracle is far
 * above the majority) and something that nobody can win (the oracle is far below 1). */
#include <math.h>
#include <string.h>

#include "datasets/synth_people.h"

/* How often the makers of videos aim at an emotion. Uneven, as VCE is: a few emotions make up much
 * of it. Emotions of weight zero still get labels: their words lie among the others. Among all the
 * words pleasure goes with dominance (r = .8), and whoever sees one knows the other; pleasant words
 * of little dominance (surprise, romance) and unpleasant ones of some (anger, boredom) are aimed at
 * more often, so that pleasure has to be seen by itself. In VCE's order. */
static const double aims[HEDON_EMOTIONS] = {
    [3] = 1,   /* Amusement */
    [4] = 18,  /* Anger */
    [6] = 4,   /* Awe */
    [7] = 2,   /* Awkwardness */
    [8] = 18,  /* Boredom */
    [9] = 8,   /* Calmness */
    [12] = 4,  /* Disgust */
    [13] = 2,  /* Empathic Pain */
    [16] = 2,  /* Fear */
    [19] = 10, /* Joy */
    [20] = 4,  /* Nostalgia */
    [22] = 4,  /* Romance */
    [23] = 3,  /* Sadness */
    [24] = 2,  /* Satisfaction */
    [26] = 18, /* Surprise */
};

/* Standard deviations: of videos about the word aimed at; of a rater's perception; of a judge's. */
static const double spread = 0.35, rater_error = 1.1, judge_error = 0.4;
/* A panel of judges orders lists; its error is a mean's. */
enum { PANEL = 3 };

HedonSynthLatent hedon_synth_latent(uint64_t seed, int64_t video)
{
    const HedonRandomKey key = hedon_random_key(seed, HEDON_SYNTH_DRAW_LATENT, (uint64_t)video);
    double total = 0;
    for (int k = 0; k < HEDON_EMOTIONS; k++) total += aims[k];
    double left = hedon_random_uniform(key, 0) * total;
    int aim = 0;
    while (aim < HEDON_EMOTIONS - 1 && left >= aims[aim]) left -= aims[aim++];
    HedonSynthLatent latent;
    for (int d = 0; d < HEDON_PAD; d++)
        latent.at[d] =
            hedon_emotion_word_standard(aim, d) + spread * hedon_random_normal(key, 1 + (uint64_t)d);
    return latent;
}

static double square_distance(const HedonSynthLatent *latent, int emotion)
{
    double sum = 0;
    for (int d = 0; d < HEDON_PAD; d++) {
        const double difference = latent->at[d] - hedon_emotion_word_standard(emotion, d);
        sum += difference * difference;
    }
    return sum;
}

void hedon_synth_nearest(const HedonSynthLatent *latent, int order[HEDON_EMOTIONS])
{
    double distance[HEDON_EMOTIONS];
    for (int k = 0; k < HEDON_EMOTIONS; k++) {
        distance[k] = square_distance(latent, k);
        int place = k;
        for (; place > 0 && distance[order[place - 1]] > distance[k]; place--)
            order[place] = order[place - 1];
        order[place] = k;
    }
}

/* Five, six or ten raters, who say each emotion's strength in quarters: with these numbers every
 * mean is a multiple of 1/120. */
static int rater_count(double u)
{
    return u < 0.5 ? 5 : u < 0.8 ? 6 : 10;
}

/* A rater feels an emotion as strongly as its word is near to what they perceive: a round Gaussian
 * of variance 1; between two quarters they choose by chance. */
static void ask_rater(int quarters[HEDON_EMOTIONS], const HedonSynthLatent *latent,
                      HedonRandomKey key)
{
    HedonSynthLatent perceived;
    for (int d = 0; d < HEDON_PAD; d++)
        perceived.at[d] = latent->at[d] + rater_error * hedon_random_normal(key, (uint64_t)d);
    for (int k = 0; k < HEDON_EMOTIONS; k++) {
        const double strength = exp(-square_distance(&perceived, k) / 2);
        const double u = hedon_random_uniform(key, 2 * HEDON_PAD + (uint64_t)k);
        const int level = (int)floor(strength * 4 + u);
        quarters[k] += level > 4 ? 4 : level;
    }
}

static void fill_top(HedonSynthRating *rating, HedonRandomKey key)
{
    double rank[HEDON_EMOTIONS];
    for (int k = 0; k < HEDON_EMOTIONS; k++)
        rank[k] = rating->intensity[k] + 0.5 * hedon_random_uniform(key, 1 + (uint64_t)k);
    for (int i = 0; i < 3; i++) {
        int best = 0;
        for (int k = 1; k < HEDON_EMOTIONS; k++)
            if (rank[k] > rank[best]) best = k;
        rating->top[i] = best;
        rank[best] = -1;
    }
    rating->label = 0;
    for (int k = 1; k < HEDON_EMOTIONS; k++)
        if (rating->intensity[k] > rating->intensity[rating->label]) rating->label = k;
}

HedonSynthRating hedon_synth_rate(uint64_t seed, int64_t video)
{
    const HedonSynthLatent latent = hedon_synth_latent(seed, video);
    const HedonRandomKey key = hedon_random_key(seed, HEDON_SYNTH_DRAW_RATERS, (uint64_t)video);
    const int raters = rater_count(hedon_random_uniform(key, 0));
    int quarters[HEDON_EMOTIONS] = {0}, any = 0;
    for (int r = 0; r < raters; r++)
        ask_rater(quarters, &latent, hedon_random_key(key.value, 1, (uint64_t)r));
    for (int k = 0; k < HEDON_EMOTIONS; k++) any |= quarters[k];
    if (!any) {
        int order[HEDON_EMOTIONS];
        hedon_synth_nearest(&latent, order);
        quarters[order[0]] = 1;
    }
    HedonSynthRating rating;
    for (int k = 0; k < HEDON_EMOTIONS; k++) rating.intensity[k] = quarters[k] * (30 / raters);
    fill_top(&rating, key);
    return rating;
}

double hedon_synth_judge(uint64_t seed, int64_t comparison, int64_t video)
{
    const HedonRandomKey key =
        hedon_random_key(seed, HEDON_SYNTH_DRAW_JUDGES, (uint64_t)comparison);
    return hedon_synth_latent(seed, video).at[HEDON_PLEASURE] +
           judge_error * hedon_random_normal(key, (uint64_t)video);
}

double hedon_synth_panel(uint64_t seed, int64_t video)
{
    const HedonRandomKey key = hedon_random_key(seed, HEDON_SYNTH_DRAW_PANEL, (uint64_t)video);
    return hedon_synth_latent(seed, video).at[HEDON_PLEASURE] +
           judge_error / sqrt(PANEL) * hedon_random_normal(key, 0);
}
