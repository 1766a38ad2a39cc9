/* The trainer: what it leaves behind, that it goes on where it stopped, and that what goes wrong is
 * told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/model.h"
#include "tests/train_fixture.h"

/* ---- The run folder */

static void the_folder_has_what_is_promised(void **state)
{
    (void)state;
    static const char *const names[] = {"config.json",      "log.jsonl",        "curves.png",
                                        "last.safetensors", "best.safetensors", "resume.state",
                                        "report.html"};
    HedonTrainConfig config;
    Heard heard = {0};
    quick_config(&config, &hedon_recipe_joint);
    config.recipe.clips = 4;
    config.recipe.pairs = 2;
    assert_int_equal(train(&config, "folder", 0, &heard), 0);
    assert_int_equal(heard.epochs, 2);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        struct stat status;
        snprintf(name, sizeof name, "folder/%s", names[i]);
        assert_int_equal(stat(in_folder(name), &status), 0);
        assert_true(status.st_size > 0);
    }
    HedonModel *model;
    assert_int_equal(hedon_model_open(ctx, &model, in_folder("folder/best.safetensors")), 0);
    const HedonModelInfo *info = hedon_model_info(model);
    assert_int_equal(info->head_count, 2);
    assert_int_equal(info->clip_frames, 4);
    assert_true(info->human_trained);
    assert_non_null(strstr(info->trained_on, "VCE train part and V2V train part"));
    assert_non_null(info->reference_name);
    assert_true(info->reference_count >= 2);
    hedon_model_close(model);
    /* what validates is not trained on, and the test part is in neither */
    const json_int_t clips = json_integer_value(json_object_get(heard.start, "train_clips"));
    const json_int_t held = json_integer_value(json_object_get(heard.start, "held_out_clips"));
    assert_int_equal(clips + held, VIDEOS);
    assert_true(held > 0);
    assert_true(json_integer_value(json_object_get(heard.start, "held_out_pairs")) > 0);
    assert_int_equal(train(&config, "folder", 0, &heard), HEDON_EINVAL); /* a run is there */
    assert_non_null(strstr(hedon_last_error(ctx), "--resume"));
    forget(&heard);
}

static void synthetic_data_is_said_to_be(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard heard = {0};
    quick_config(&config, &hedon_recipe_vce);
    config.recipe.epochs = 1;
    dump(json_object(), "vce/synth.json");
    assert_int_equal(train(&config, "synthetic", 0, &heard), 0);
    remove(in_folder("vce/synth.json"));
    HedonModel *model;
    assert_int_equal(hedon_model_open(ctx, &model, in_folder("synthetic/last.safetensors")), 0);
    assert_false(hedon_model_info(model)->human_trained);
    assert_non_null(strstr(hedon_model_info(model)->trained_on, "synthetic"));
    assert_non_null(strstr(hedon_model_info(model)->caveat, "synthetic"));
    hedon_model_close(model);
    forget(&heard);
}

/* ---- What goes wrong */

/* Stopped in the middle of an epoch, resumed, and stopped again at its end: the same weights. */
static void a_stopped_run_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    HedonTrainConfig config;
    quick_config(&config, &hedon_recipe_joint);
    config.recipe.clips = 2;
    config.recipe.pairs = 1;
    config.recipe.average = .9;
    config.recipe.epochs = 3;
    config.recipe.augment = "vce";
    config.recipe.mixup = .8;
    config.recipe.cutmix = 1;
    config.recipe.accumulate = 2;
    Heard whole = {0}, first = {.stop_at = 2}, second = {.stop_at = 4}, third = {0};
    assert_int_equal(train(&config, "whole", 0, &whole), 0);
    assert_int_equal(train(&config, "parts", 0, &first), HEDON_ECANCELLED);
    config.workers = 1; /* the number of decoders changes nothing */
    assert_int_equal(train(&config, "parts", 1, &second), HEDON_ECANCELLED);
    assert_int_equal(train(&config, "parts", 1, &third), 0);
    assert_int_equal(whole.steps, 9);
    assert_int_equal(first.steps + second.steps + third.steps, whole.steps);
    assert_same_files("whole/last.safetensors", "parts/last.safetensors");
    assert_same_files("whole/best.safetensors", "parts/best.safetensors");
    forget(&whole);
    forget(&first);
    forget(&second);
    forget(&third);
}

static void another_configuration_is_refused(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard heard = {.stop_at = 2}, other = {0};
    quick_config(&config, &hedon_recipe_vce);
    config.recipe.clips = 4;
    assert_int_equal(train(&config, "refuse", 0, &heard), HEDON_ECANCELLED);
    config.device.threads = 2;
    assert_int_equal(train(&config, "refuse", 1, &other), HEDON_EINVAL);
    assert_non_null(strstr(hedon_last_error(ctx), "threads"));
    config.device.threads = 1;
    config.recipe.rate *= 2;
    assert_int_equal(train(&config, "refuse", 1, &other), HEDON_EINVAL);
    assert_non_null(strstr(hedon_last_error(ctx), "configuration"));
    forget(&heard);
    forget(&other);
}

static void not_finite_stops_and_names_the_videos(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard heard = {0};
    quick_config(&config, &hedon_recipe_v2v);
    config.recipe.rate = 1e6;
    config.recipe.pairs = 2;
    assert_int_equal(train(&config, "nan", 0, &heard), HEDON_EDATA);
    const char *sentence = hedon_last_error(ctx);
    assert_non_null(strstr(sentence, "not finite at step"));
    assert_non_null(strstr(sentence, "videos 000"));
    assert_non_null(strstr(sentence, "last good checkpoint"));
    forget(&heard);
}

static void broken_videos_are_left_out(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard heard = {0}, again = {0}, strict = {0};
    quick_config(&config, &hedon_recipe_vce);
    config.recipe.held_out = 0;
    config.recipe.clips = 4;
    config.recipe.epochs = 1;
    config.max_broken = .3;
    char saved[6][256];
    for (int i = 0; i < 6; i++) {
        char name[64];
        snprintf(name, sizeof name, "vce/videos/%05d.mp4", i * 3);
        snprintf(saved[i], sizeof saved[i], "%s.aside", in_folder(name));
        assert_int_equal(rename(in_folder(name), saved[i]), 0);
        FILE *file = fopen(in_folder(name), "wb");
        if (i % 2) fputs("not a video", file);
        fclose(file);
    }
    assert_int_equal(train(&config, "broken", 0, &heard), 0);
    assert_int_equal(heard.broken, 6);
    config.workers = 1;
    assert_int_equal(train(&config, "broken-again", 0, &again), 0);
    assert_same_files("broken/last.safetensors", "broken-again/last.safetensors");
    config.max_broken = .05;
    assert_int_equal(train(&config, "broken-strict", 0, &strict), HEDON_EDATA);
    assert_non_null(strstr(hedon_last_error(ctx), "--max-broken"));
    for (int i = 0; i < 6; i++) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)(strlen(saved[i]) - strlen(".aside")), saved[i]);
        assert_int_equal(rename(saved[i], name), 0);
    }
    forget(&heard);
    forget(&again);
    forget(&strict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_folder_has_what_is_promised),
        cmocka_unit_test(synthetic_data_is_said_to_be),
        cmocka_unit_test(a_stopped_run_goes_on_to_the_same_bits),
        cmocka_unit_test(another_configuration_is_refused),
        cmocka_unit_test(not_finite_stops_and_names_the_videos),
        cmocka_unit_test(broken_videos_are_left_out),
    };
    return cmocka_run_group_tests(tests, start_training_tests, end_training_tests);
}
