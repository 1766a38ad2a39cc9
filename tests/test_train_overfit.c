/* Every recipe learns 20 clips by heart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/train_fixture.h"

/* 20 clips, whose colours tell them apart, are learnt by heart: the loss comes near its least
 * value, which for soft targets is their entropy. */
static void vce_overfits(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard heard = {0};
    quick_config(&config, &hedon_recipe_vce);
    config.recipe.held_out = 0;
    config.recipe.clips = 10;
    config.recipe.epochs = 150;
    config.recipe.rate = 1e-2;
    config.recipe.layer_decay = 1;
    config.recipe.drop_path = 0;
    assert_int_equal(train(&config, "overfit-vce", 0, &heard), 0);
    assert_int_equal(heard.steps, 300);
    const double entropy = log(2) / HEDON_EMOTIONS; /* of the one intensity of .5 */
    print_message("vce: loss %.4f to %.4f, least %.4f\n", heard.first_loss, heard.last_loss,
                  entropy);
    assert_true(heard.first_loss > .6);
    assert_true(heard.last_loss < entropy + .02);
    forget(&heard);
}

static void v2v_overfits(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard heard = {0};
    quick_config(&config, &hedon_recipe_v2v);
    config.recipe.held_out = 0;
    config.recipe.pairs = 5;
    config.recipe.epochs = 60;
    config.recipe.drop_path = 0;
    assert_int_equal(train(&config, "overfit-v2v", 0, &heard), 0);
    print_message("v2v: loss %.4f to %.4f\n", heard.first_loss, heard.last_loss);
    assert_true(heard.last_loss < .02);
    forget(&heard);
}

static void joint_overfits(void **state)
{
    (void)state;
    HedonTrainConfig config;
    Heard heard = {0};
    quick_config(&config, &hedon_recipe_joint);
    config.recipe.held_out = 0;
    config.recipe.clips = 10;
    config.recipe.pairs = 5;
    config.recipe.epochs = 150;
    config.recipe.rate = 1e-2;
    config.recipe.layer_decay = 1;
    config.recipe.drop_path = 0;
    assert_int_equal(train(&config, "overfit-joint", 0, &heard), 0);
    print_message("joint: loss %.4f to %.4f\n", heard.first_loss, heard.last_loss);
    assert_true(heard.first_loss > 1.2);
    assert_true(heard.last_loss < log(2) / HEDON_EMOTIONS + .03);
    forget(&heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vce_overfits),
        cmocka_unit_test(v2v_overfits),
        cmocka_unit_test(joint_overfits),
    };
    return cmocka_run_group_tests(tests, start_training_tests, end_training_tests);
}
