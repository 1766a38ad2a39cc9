/* PyTorch checkpoints: tensors come out as torch would give them, from every format and nesting
 * that torch.save has had; failing memory is survived. */
#include "base/memory.h"
#include "models/stored_tensor.h"
#include "tests/torch_open.h"

/* ---- Good files
 * ---------------------------------------------------------------------------------- */

static void views_come_out_row_major(void **state)
{
    (void)state;
    const FixtureTensor transposed = {"FloatStorage", "0", 12, 0, 2, {4, 3}, {1, 4}};
    const FixtureTensor part = {"FloatStorage", "0", 12, 5, 2, {2, 2}, {4, 1}};
    const FixtureTensor third = {"FloatStorage", "0", 12, 1, 1, {4}, {3}};
    const FixtureTensor scalar = {"FloatStorage", "0", 12, 7, 0, {0}, {0}};
    const FixtureTensor empty = {"FloatStorage", "0", 12, 0, 2, {0, 4}, {4, 1}};
    const FixtureTensor swapped = {"FloatStorage", "0", 12, 0, 3, {2, 3, 2}, {1, 4, 2}};
    const FixtureTensor single = {"FloatStorage", "0", 12, 3, 3, {1, 2, 1}, {99, 1, 0}};
    Bytes pickle = {0};
    begin(&pickle);
    add(&pickle, "matrix", &matrix);
    add(&pickle, "transposed", &transposed);
    add(&pickle, "part", &part);
    add(&pickle, "third", &third);
    add(&pickle, "scalar", &scalar);
    add(&pickle, "empty", &empty);
    add(&pickle, "swapped", &swapped);
    add(&pickle, "single", &single);
    put_string(&pickle, "u.");
    write_checkpoint(&pickle);
    free_bytes(&pickle);
    HedonTorchFile *file = open_good();
    assert_string_equal(hedon_torch_taken(file), "");
    assert_int_equal(hedon_torch_source(file)->count, 8);
    expect_values(file, "matrix", 12, counting);
    expect_values(file, "transposed", 12, FLOATS(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11));
    expect_values(file, "part", 4, FLOATS(5, 6, 9, 10));
    expect_values(file, "third", 4, FLOATS(1, 4, 7, 10));
    expect_values(file, "scalar", 1, FLOATS(7));
    expect_values(file, "empty", 0, FLOATS(0));
    expect_values(file, "swapped", 12, FLOATS(0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11));
    expect_values(file, "single", 2, FLOATS(3, 4));
    hedon_torch_close(file);
}

static void every_float_type_is_read(void **state)
{
    (void)state;
    static const double doubles[2] = {0.5, -3};
    static const uint16_t halves[4] = {0x3c00, 0xc000, 0x3800, 0x0001},
                          brains[2] = {0x3f80, 0xc040};
    static const int64_t longs[1] = {12345};
    const FixtureTensor tensors[] = {
        {"DoubleStorage", "0", 2, 0, 1, {2}, {1}},
        {"HalfStorage", "1", 4, 0, 2, {2, 2}, {1, 2}},
        {"BFloat16Storage", "2", 2, 0, 1, {2}, {1}},
        {"LongStorage", "3", 1, 0, 0, {0}, {0}},
    };
    Bytes pickle = {0};
    begin(&pickle);
    add(&pickle, "d", &tensors[0]);
    add(&pickle, "h", &tensors[1]);
    add(&pickle, "b", &tensors[2]);
    add(&pickle, "bn.num_batches_tracked", &tensors[3]);
    put_string(&pickle, "u.");
    const FixtureEntry entries[] = {
        {"x/data.pkl", pickle.data, pickle.size, 1}, /* zipped again by somebody: compressed */
        {"x/data/0", doubles, sizeof(doubles), 1},   {"x/data/1", halves, sizeof(halves), 0},
        {"x/data/2", brains, sizeof(brains), 0},     {"x/data/3", longs, sizeof(longs), 0},
    };
    assert_int_equal(write_zip(path, entries, 5), 0);
    free_bytes(&pickle);
    HedonTorchFile *file = open_good();
    expect_values(file, "d", 2, FLOATS(0.5f, -3));
    expect_values(file, "h", 4, FLOATS(1, 0.5f, -2, 0x1p-24f));
    expect_values(file, "b", 2, FLOATS(1, -3));
    const HedonTensorSource *source = hedon_torch_source(file);
    const HedonStoredTensor *count = hedon_tensor_source_find(source, "bn.num_batches_tracked");
    assert_int_equal(count->dtype, HEDON_I64);
    assert_false(hedon_stored_is_float(count));
    hedon_torch_close(file);
}

/* {'epoch': 3, OUTER: {INNER...}} */
static void nested_checkpoints_say_what_was_taken(void **state)
{
    (void)state;
    static const struct {
        const char *outer, *inner, *name, *taken, *found;
    } cases[] = {
        {"state_dict", NULL, "fc.weight", "under 'state_dict'", "fc.weight"},
        {"model", NULL, "module.fc.weight", "under 'model', names without 'module.'", "fc.weight"},
        {"model", "state_dict", "module._orig_mod.a",
         "under 'model', 'state_dict', names without 'module.', '_orig_mod.'", "a"},
        {"module", NULL, "a", "under 'module'", "a"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Bytes pickle = {0};
        begin(&pickle);
        put_text(&pickle, "epoch");
        put_string(&pickle, "K\x03");
        put_text(&pickle, "lr");
        put(&pickle, "G\x3f\xf0\0\0\0\0\0\0", 9);
        put_text(&pickle, "best");
        put_string(&pickle, "N");
        add(&pickle, "best_accuracy", &matrix);
        put_text(&pickle, cases[i].outer);
        put_string(&pickle, "ccollections\nOrderedDict\n)R(");
        if (cases[i].inner) {
            put_text(&pickle, cases[i].inner);
            put_string(&pickle, "}(");
        }
        add(&pickle, cases[i].name, &matrix);
        put_string(&pickle, cases[i].inner ? "uu" : "u");
        put_string(&pickle, "}"); /* torch puts a state dict's _metadata on it as an attribute */
        put_text(&pickle, "_metadata");
        put_string(&pickle, "}sbu.");
        write_checkpoint(&pickle);
        free_bytes(&pickle);
        HedonTorchFile *file = open_good();
        assert_string_equal(hedon_torch_taken(file), cases[i].taken);
        expect_values(file, cases[i].found, 12, counting);
        hedon_torch_close(file);
    }
}

static void what_is_no_state_dict_is_said(void **state)
{
    (void)state;
    Bytes pickle = {0};
    begin(&pickle);
    put_text(&pickle, "epoch");
    put_string(&pickle, "K\x03");
    put_text(&pickle, "weights");
    put_string(&pickle, "}u.");
    write_checkpoint(&pickle);
    expect_refusal("no state dict found in this checkpoint (its keys: 'epoch', 'weights')");
    pickle.size = 0;
    begin(&pickle);
    put_text(&pickle, "epoch");
    put_string(&pickle, "K\x03");
    add(&pickle, "fc.weight", &matrix);
    put_string(&pickle, "u.");
    write_checkpoint(&pickle);
    expect_refusal("'epoch' lies among the tensors and is none");
    free_bytes(&pickle);
    expect_pickle_refusal("\x80\x02K\x01.", 5, "this file holds no dict");
    expect_pickle_refusal("\x80\x02}.", 4, "its keys: none");
}

/* What pickle.dumps writes with protocol 4: frames, short texts, MEMOIZE, STACK_GLOBAL. */
static void protocol_4_is_read(void **state)
{
    (void)state;
    static const char good[] =
        "\x80\x04\x95\x50\0\0\0\0\0\0\0}\x94(\x8c\x01w\x94\x8c\x0ctorch._utils\x94\x8c\x12_rebuild_"
        "tensor_v2"
        "\x94\x93\x94((\x8c\x07storage\x94\x8c\x05torch\x94\x8c\x0c"
        "FloatStorage\x94\x93\x94\x8c\x01"
        "0\x94\x8c\x03"
        "cpu\x94K\x0ct\x94QK\x02K\x03\x85\x94K\x02\x85\x94\x89\x8c\x0b"
        "collections\x94\x8c\x0b"
        "OrderedDict\x94\x93\x94)R\x94t\x94R\x94\x8c\x01v\x94h\x04h\x0a\x30\x30Nu.";
    Bytes pickle = {0};
    put(&pickle, good, sizeof(good) - 1);
    write_checkpoint(&pickle);
    /* 'v' is None, so the dict is refused by that name: everything before it was understood */
    expect_refusal("'v' lies among the tensors");
    pickle.size -= 13;
    put_string(&pickle, "u.");
    write_checkpoint(&pickle);
    free_bytes(&pickle);
    HedonTorchFile *file = open_good();
    expect_values(file, "w", 3, FLOATS(2, 4, 6));
    hedon_torch_close(file);
}

/* ---- Before 1.6
 * ---------------------------------------------------------------------------------- */

static const char legacy_magic[] = "\x80\x02\x8a\x0al\xfc\x9c"
                                   "F\xf9 j\xa8P\x19.";

static Bytes legacy_file(int little_endian, int64_t count)
{
    Bytes file = {0};
    put(&file, legacy_magic, sizeof(legacy_magic) - 1);
    put(&file, "\x80\x02M\xe9\x03.", 6);
    put_string(&file, "\x80\x02}(");
    put_text(&file, "little_endian");
    put_string(&file, little_endian ? "\x88u." : "\x89u.");
    begin(&file);
    const FixtureTensor transposed = {"FloatStorage", "94", 12, 0, 2, {4, 3}, {1, 4}};
    put_text(&file, "module.w");
    put_legacy_tensor(&file, &transposed);
    put_string(&file, "u.\x80\x02](");
    put_text(&file, "94");
    put_string(&file, "e.");
    put(&file, &count, sizeof(count));
    put(&file, counting, sizeof(counting));
    return file;
}

static void files_before_1_6_are_read(void **state)
{
    (void)state;
    Bytes bytes = legacy_file(1, 12);
    assert_int_equal(write_bytes(path, bytes.data, bytes.size), 0);
    HedonTorchFile *file = open_good();
    assert_string_equal(hedon_torch_taken(file), "names without 'module.'");
    expect_values(file, "w", 12, FLOATS(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11));
    hedon_torch_close(file);
    for (size_t cut = 0; cut < bytes.size; cut++) {
        assert_int_equal(write_bytes(path, bytes.data, cut), 0);
        expect_refusal(cut < sizeof(legacy_magic) - 2 ? "not a PyTorch file" : "cut off");
    }
    free_bytes(&bytes);
}

static void damaged_files_before_1_6_are_named(void **state)
{
    (void)state;
    const struct {
        int little_endian;
        int64_t count;
        const char *sentence;
    } cases[] = {
        {0, 12, "big-endian"},
        {1, -1, "a storage reaches beyond its end"},
        {1, INT64_MAX, "a storage reaches beyond its end"},
        {1, 13, "a storage reaches beyond its end"},
        {1, 11, "tensor w has a storage that does not fit its bytes"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Bytes bytes = legacy_file(cases[i].little_endian, cases[i].count);
        assert_int_equal(write_bytes(path, bytes.data, bytes.size), 0);
        free_bytes(&bytes);
        expect_refusal(cases[i].sentence);
    }
    Bytes bytes = legacy_file(1, 12);
    for (size_t i = 0; i + 3 < bytes.size; i++) /* the key list names another storage */
        if (!memcmp(bytes.data + i, "94e.", 4)) bytes.data[i] = '8';
    assert_int_equal(write_bytes(path, bytes.data, bytes.size), 0);
    free_bytes(&bytes);
    expect_refusal("for no tensor");
}

/* ---- What torch itself wrote (tools/golden/torch_files.py)
 * ---------------------------------------- */

static void use_golden(const char *name)
{
    char golden[512];
    snprintf(golden, sizeof(golden), "%s/tests/golden/%s", HEDON_SOURCE_DIR, name);
    Bytes bytes = read_bytes(golden);
    if (!bytes.size) fail_msg("%s is not there", golden);
    assert_int_equal(write_bytes(path, bytes.data, bytes.size), 0);
    free_bytes(&bytes);
}

static void torchs_own_files_are_read(void **state)
{
    (void)state;
    static const char *const names[] = {"torch_state.pth", "torch_protocol4.pth",
                                        "torch_legacy.pth"};
    float plain[24], permuted[24];
    for (int i = 0; i < 24; i++) {
        plain[i] = (float)i;
        permuted[i] = (float)(i % 3 * 4 + i / 3 % 2 * 12 + i / 6); /* (4,2,3) of (2,3,4) */
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        use_golden(names[i]);
        HedonTorchFile *file = open_good();
        assert_string_equal(hedon_torch_taken(file), "");
        assert_int_equal(hedon_torch_source(file)->count, 8);
        expect_values(file, "plain", 24, plain);
        expect_values(file, "permuted", 24, permuted);
        expect_values(file, "tail", 4, plain + 20);
        expect_values(file, "parameter", 3, plain);
        expect_values(file, "half", 4, plain);
        expect_values(file, "brain", 4, plain);
        expect_values(file, "double", 4, plain);
        hedon_torch_close(file);
    }
    use_golden("torch_checkpoint.pth");
    HedonTorchFile *file = open_good();
    assert_string_equal(hedon_torch_taken(file), "under 'state_dict', names without 'module.'");
    assert_int_equal(hedon_torch_source(file)->count, 5);
    expect_values(file, "weight", 2, FLOATS(0, 1));
    expect_values(file, "running_var", 2, FLOATS(1, 1));
    hedon_torch_close(file);
}

static void torchs_objects_are_refused_by_name(void **state)
{
    (void)state;
    use_golden("torch_module.pth");
    expect_refusal("refuses torch.nn.modules.batchnorm.BatchNorm1d");
    use_golden("torch_namespace.pth");
    expect_refusal("refuses argparse.Namespace");
}

/* ---- Memory
 * -------------------------------------------------------------------------------------- */

static int open_and_fetch(void)
{
    HedonTorchFile *file;
    int code = hedon_torch_open(ctx, &file, path);
    if (code) return code;
    const HedonTensorSource *source = hedon_torch_source(file);
    float out[12];
    for (int64_t i = 0; !code && i < source->count; i++)
        code = source->fetch(ctx, source->opaque, i, out);
    hedon_torch_close(file);
    return code;
}

static void survive_failing_allocations(void)
{
    int code = HEDON_ENOMEM;
    for (int64_t k = 1; code; k++) {
        hedon_memory_fail_at(k);
        code = open_and_fetch();
        assert_true(code == 0 || code == HEDON_ENOMEM);
        assert_int_equal(code != 0, hedon_memory_failed());
    }
    hedon_memory_fail_at(0);
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    Bytes bytes = good_pickle();
    write_checkpoint(&bytes);
    free_bytes(&bytes);
    survive_failing_allocations();
    bytes = legacy_file(1, 12);
    assert_int_equal(write_bytes(path, bytes.data, bytes.size), 0);
    free_bytes(&bytes);
    survive_failing_allocations();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_come_out_row_major),
        cmocka_unit_test(every_float_type_is_read),
        cmocka_unit_test(nested_checkpoints_say_what_was_taken),
        cmocka_unit_test(what_is_no_state_dict_is_said),
        cmocka_unit_test(protocol_4_is_read),
        cmocka_unit_test(files_before_1_6_are_read),
        cmocka_unit_test(damaged_files_before_1_6_are_named),
        cmocka_unit_test(torchs_own_files_are_read),
        cmocka_unit_test(torchs_objects_are_refused_by_name),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, set_up_torch, tear_down_torch);
}
