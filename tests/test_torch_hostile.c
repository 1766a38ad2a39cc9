/* Hostile and damaged PyTorch checkpoints: code, bombs, impossible sizes, damage. Each is refused
 * with a sentence that names it, and nothing is executed. */
#include "tests/torch_open.h"

/* ---- Code
 * ---------------------------------------------------------------------------------------- */

/* Python 3.11 runs `touch CANARY` for each of these; the `%` stands for that command. */
static void code_is_refused_by_name_and_never_run(void **state)
{
    (void)state;
    static const struct {
        const char *pickle;
        const char *sentence;
    } cases[] = {
        {"\x80\x02"
         "cos\nsystem\n%\x85R.",
         "refuses os.system"},
        {"\x80\x02"
         "cposix\nsystem\n%\x85R.",
         "refuses posix.system"},
        {"cos\nsystem\n(%tR.", "refuses os.system"},
        {"\x80\x02(%ios\nsystem\n.", "refuses os.system"},
        {"\x80\x02(cos\nsystem\n%o.", "refuses os.system"},
        {"\x80\x04\x8c\x02os\x8c\x06system\x93%\x85R.", "refuses os.system"},
        {"\x80\x02"
         "csubprocess\nPopen\n%\x85\x81.",
         "refuses subprocess.Popen"},
        {"\x80\x04\x8c\x0asubprocess\x8c\x05Popen\x93%\x85}\x92.", "refuses subprocess.Popen"},
        {"\x80\x02"
         "cbuiltins\neval\n%\x85R.",
         "refuses builtins.eval"},
        {"\x80\x02"
         "c__builtin__\ngetattr\n.",
         "refuses __builtin__.getattr"},
        {"\x80\x02"
         "cnumpy.core.multiarray\nscalar\n.",
         "refuses numpy.core.multiarray.scalar"},
        {"\x80\x02"
         "cargparse\nNamespace\n)\x81}b.",
         "refuses argparse.Namespace"},
        {"\x80\x02"
         "ctorch.nn.modules.conv\nConv3d\n.",
         "refuses torch.nn.modules.conv.Conv3d"},
        {"\x80\x02"
         "ctorch\nload\n%\x85R.",
         "refuses torch.load"},
        {"\x80\x02"
         "ctorch\nFloatStorage.__init__\n.",
         "refuses torch.FloatStorage.__init__"},
        {"\x80\x04\x8c\x05torch\x8c\x0dSize.__init__\x93.", "refuses torch.Size.__init__"},
        {"\x80\x02"
         "ctorch\x1b[31m\nx\n.",
         "refuses torch?[31m.x"},
        {"\x80\x02"
         "ctorch\nFloatStorage\n%\x85R.",
         "refuses to call torch.FloatStorage"},
        {"\x80\x02"
         "ctorch._utils\n_rebuild_tensor_v2\n}b.",
         "refuses to set an object's state"},
        {"\x80\x02]}b.", "refuses to set an object's state"},
        {"\x80\x02}]b.", "refuses to set an object's state"},
        {"\x80\x02K\x01)R.", "something is called that is no function"},
        {"\x80\x02"
         "ccollections\nOrderedDict\nK\x01R.",
         "something is called that is no function"},
        {"\x80\x02%Q.", "a persistent id that names no storage"},
        {"\x80\x02\x82\x01.", "refuses the pickle opcode 0x82"},
        {"\x80\x05\x97.", "refuses the pickle opcode 0x97"},
        {"(S'x'\n.", "refuses the pickle opcode 0x53"},
        {"\x80\x09}.", "a pickle of protocol 9"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Bytes pickle = {0};
        for (const char *c = cases[i].pickle; *c; c++) {
            char command[128];
            snprintf(command, sizeof(command), "touch %s", canary);
            if (*c == '%')
                put_text(&pickle, command);
            else
                put(&pickle, c, 1);
        }
        write_checkpoint(&pickle);
        free_bytes(&pickle);
        expect_refusal(cases[i].sentence);
    }
}

static void refusals_say_what_to_do(void **state)
{
    (void)state;
    expect_pickle_refusal("\x80\x02"
                          "cos\nsystem\n.",
                          14, "torch.save(model.state_dict(), FILE)");
}

/* ---- Damaged pickles
 * ----------------------------------------------------------------------------- */

static void damaged_pickles_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *sentence;
    } cases[] = {
        {"", 0, "damaged pickle: cut off"},
        {"\x80\x02.", 3, "finds nothing on the stack"},
        {"\x80\x02(.", 4, "finds nothing on the stack"},
        {"\x80\x02t.", 4, "finds no mark"},
        {"\x80\x02N\x86.", 5, "finds nothing on the stack"},
        {"\x80\x02(\x85.", 5, "finds nothing on the stack"},
        {"\x80\x02}N(Nu.", 7, "items are set on no dict"},
        {"\x80\x02}(Nu.", 6, "a dict's key has no value"},
        {"\x80\x02(Nd.", 6, "a dict's key has no value"},
        {"\x80\x02}Na.", 6, "items are appended to no list"},
        {"\x80\x02h\x07.", 5, "read before it is written"},
        {"\x80\x02}r\xff\xff\xff\xff.", 9, "more memo places"},
        {"\x80\x02j\xff\xff\xff\xff.", 8, "read before it is written"},
        {"\x80\x02X\xff\xff\xff\xffx.", 9, "cut off"},
        {"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffx.", 13, "cut off"},
        {"\x80\x02\x8b\xff\xff\xff\x7fx.", 9, "cut off"},
        {"\x80\x02(U\x07storagectorch\nFloatStorage\nU\x01"
         "0N\x8a\x01\xfftQ.",
         42, "a storage's size is not a count"}, /* -1 in one byte */
        {"\x80\x02"
         "cos",
         5, "cut off"},
        {"\x80\x02"
         "cos\nsys",
         9, "cut off"},
        {"\x80\x04K\x01K\x02\x93.", 8, "a global's name is no text"},
        {"\x80\x02"
         "ccollections\nOrderedDict\nK\x01\x85R.",
         31, "an OrderedDict is made of no list"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_pickle_refusal(cases[i].bytes, cases[i].size, cases[i].sentence);
}

/* A dict that is its own 'state_dict', a list that holds itself, a million nested lists, a million
 * tuples around one another: read or refused at once, never walked for ever. */
static void loops_and_depth_are_bounded(void **state)
{
    (void)state;
    Bytes pickle = {0};
    put_string(&pickle, "\x80\x02}q\x01");
    put_text(&pickle, "state_dict");
    put_string(&pickle, "h\x01s.");
    write_checkpoint(&pickle);
    expect_refusal("no state dict found");
    expect_pickle_refusal("\x80\x02]q\x01h\x01"
                          "a.",
                          9, "holds no dict");

    enum { MANY = 3000000 };
    char *many = malloc(MANY + 3);
    memcpy(many, "\x80\x02", 2);
    memset(many + 2, ']', MANY);
    many[MANY + 2] = '.';
    expect_pickle_refusal(many, MANY + 3, "more values");
    memset(many + 2, '\x85', MANY);
    many[2] = 'N';
    expect_pickle_refusal(many, MANY + 3, "more values");
    memset(many + 2, '2', MANY); /* the same value, pushed again and again */
    many[2] = 'N';
    expect_pickle_refusal(many, MANY + 3, "more values on its stack");
    for (int i = 3; i + 1 < MANY; i += 2) memcpy(many + i, "20", 2);
    expect_pickle_refusal(many, MANY + 3, "holds no dict"); /* many operations, but few values */
    free(many);
    free_bytes(&pickle);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    Bytes pickle = good_pickle();
    const size_t whole = pickle.size;
    for (pickle.size = 0; pickle.size < whole; pickle.size++) {
        write_checkpoint(&pickle);
        expect_refusal("damaged pickle: cut off");
    }
    write_checkpoint(&pickle);
    free_bytes(&pickle);
    hedon_torch_close(open_good());
    Bytes zip = read_bytes(path);
    for (size_t cut = 0; cut < zip.size; cut++) {
        assert_int_equal(write_bytes(path, zip.data, cut), 0);
        expect_refusal(cut < 4 ? "not a PyTorch file" : "damaged zip file");
    }
    free_bytes(&zip);
}

/* ---- Sizes
 * --------------------------------------------------------------------------------------- */

static void impossible_tensors_are_named(void **state)
{
    (void)state;
    static const int64_t big = INT64_C(1) << 62;
    const struct {
        FixtureTensor tensor;
        const char *sentence;
    } cases[] = {
        {{"FloatStorage", "0", 12, 0, 2, {-3, 4}, {4, 1}}, "tensor w has a negative size"},
        {{"FloatStorage", "0", 12, 0, 2, {-3, -4}, {4, 1}}, "tensor w has a negative size"},
        {{"FloatStorage", "0", 12, 0, 2, {3, 4}, {-4, 1}}, "tensor w has a negative stride"},
        {{"FloatStorage", "0", 12, -1, 2, {3, 4}, {4, 1}}, "tensor w has a negative offset"},
        {{"FloatStorage", "0", 12, 1, 2, {3, 4}, {4, 1}}, "tensor w reaches beyond its storage"},
        {{"FloatStorage", "0", 12, 0, 2, {3, 4}, {5, 1}}, "tensor w reaches beyond its storage"},
        {{"FloatStorage", "0", 12, INT64_MAX, 1, {1}, {1}}, "tensor w reaches beyond its storage"},
        {{"FloatStorage", "0", 12, 12, 0, {0}, {0}}, "tensor w reaches beyond its storage"},
        {{"FloatStorage", "0", 12, 0, 2, {3, 4}, {big, big}}, "tensor w reaches beyond"},
        {{"FloatStorage", "0", 12, 0, 2, {big, 4}, {1, 1}}, "an impossibly large shape"},
        {{"FloatStorage", "0", 12, 0, 1, {big}, {0}}, "elements overlap"},
        {{"FloatStorage", "0", 12, 0, 2, {3, 4}, {1, 1}}, "elements overlap"},
        {{"FloatStorage", "0", 12, 0, 2, {3, 4}, {0, 1}}, "elements overlap"},
        {{"FloatStorage", "0", 12, 0, 2, {3, 3}, {3, 2}}, "elements overlap"},
        {{"FloatStorage", "0", INT64_MAX, 0, 1, {12}, {1}}, "an impossibly large storage"},
        {{"ByteStorage", "0", INT64_MAX, INT64_MAX - 1, 1, {1}, {1}}, "does not fit its bytes"},
        {{"FloatStorage", "0", -1, 0, 1, {12}, {1}}, "a storage's size is not a count"},
        {{"FloatStorage", "0", 11, 0, 1, {11}, {1}}, "has a storage that does not fit its bytes"},
        {{"FloatStorage", "0", 13, 0, 1, {13}, {1}}, "has a storage that does not fit its bytes"},
        {{"DoubleStorage", "0", 12, 0, 1, {12}, {1}}, "has a storage that does not fit its bytes"},
        {{"FloatStorage", "7", 12, 0, 1, {12}, {1}}, "it has no storage 7"},
        {{"FloatStorage", "../data.pkl", 12, 0, 1, {12}, {1}}, "a storage's key is not a number"},
        {{"FloatStorage", "", 12, 0, 1, {12}, {1}}, "a storage's key is not a number"},
        {{"FloatStorage", "0", 12, 0, 7, {1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1}},
         "more than 6 dimensions"},
        {{"ComplexFloatStorage", "0", 12, 0, 1, {12}, {1}}, "refuses torch.ComplexFloatStorage"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Bytes pickle = {0};
        begin(&pickle);
        add(&pickle, "w", &cases[i].tensor);
        put_string(&pickle, "u.");
        write_checkpoint(&pickle);
        free_bytes(&pickle);
        expect_refusal(cases[i].sentence);
    }
}

static void names_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second, *sentence;
    } cases[] = {
        {"a", "a", "tensor a is there twice"},
        {"a\x1b[31m", "b", "control characters"},
        {"a", "b\n", "control characters"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Bytes pickle = {0};
        begin(&pickle);
        add(&pickle, cases[i].first, &matrix);
        add(&pickle, cases[i].second, &matrix);
        put_string(&pickle, "u.");
        write_checkpoint(&pickle);
        free_bytes(&pickle);
        expect_refusal(cases[i].sentence);
    }
}

/* ---- Hostile zips
 * -------------------------------------------------------------------------------- */

static void foreign_zips_are_named(void **state)
{
    (void)state;
    Bytes pickle = good_pickle();
    static char zeros[17 << 20];
    const struct {
        FixtureEntry entries[3];
        int count;
        const char *sentence;
    } cases[] = {
        {{{"readme.txt", "hello", 5, 0}}, 1, "it has no FOLDER/data.pkl"},
        {{{"data.pkl", pickle.data, pickle.size, 0}}, 1, "it has no FOLDER/data.pkl"},
        {{{"a/data.pkl", pickle.data, pickle.size, 0}, {"b/data.pkl", pickle.data, pickle.size, 0}},
         2,
         "two data.pkl"},
        {{{"a/data.pkl", pickle.data, pickle.size, 0}, {"../../etc/passwd", "x", 1, 0}},
         2,
         "leads out of its folder"},
        {{{"../data.pkl", pickle.data, pickle.size, 0}}, 1, "leads out of its folder"},
        {{{"/data.pkl", pickle.data, pickle.size, 0}}, 1, "leads out of its folder"},
        {{{"a/data.pkl", pickle.data, pickle.size, 0}, {"a/..", "x", 1, 0}},
         2,
         "leads out of its folder"},
        {{{"a/data.pkl", pickle.data, pickle.size, 0}, {"a\\x", "x", 1, 0}},
         2,
         "leads out of its folder"},
        {{{"a/data.pkl", pickle.data, pickle.size, 0}, {"a/byteorder", "big", 3, 0}},
         2,
         "not little-endian"},
        {{{"a/data.pkl", pickle.data, pickle.size, 0}, {"a/constants.pkl", "x", 1, 0}},
         2,
         "a TorchScript program"},
        {{{"a/data.pkl", zeros, sizeof(zeros), 1}}, 1, "its pickle would take 17825792 bytes"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(write_zip(path, cases[i].entries, cases[i].count), 0);
        expect_refusal(cases[i].sentence);
    }
    free_bytes(&pickle);
}

/* 64 MB of zeros in 64 KB, for a tensor of four numbers: opened, but never unpacked. */
static void zip_bombs_are_refused(void **state)
{
    (void)state;
    enum { BOMB = 64 << 20 };
    float *zeros = calloc(1, BOMB);
    const FixtureTensor tensor = {"FloatStorage", "0", BOMB / 4, 0, 1, {4}, {1}};
    Bytes pickle = {0};
    begin(&pickle);
    add(&pickle, "w", &tensor);
    put_string(&pickle, "u.");
    const FixtureEntry entries[] = {{"a/data.pkl", pickle.data, pickle.size, 0},
                                    {"a/data/0", zeros, BOMB, 1}};
    assert_int_equal(write_zip(path, entries, 2), 0);
    HedonTorchFile *file = open_good();
    const HedonTensorSource *source = hedon_torch_source(file);
    float out[4];
    assert_int_equal(source->fetch(ctx, source->opaque, 0, out), HEDON_ELIMIT);
    assert_non_null(
        strstr(hedon_last_error(ctx), "refuses to unpack 67108864 bytes for a tensor of 16"));
    hedon_torch_close(file);
    free(zeros);
    free_bytes(&pickle);
}

/* Replace one piece of the file by another of its length, wherever it is. */
static int replace(const char *from, const char *to, size_t size)
{
    Bytes zip = read_bytes(path);
    int count = 0;
    for (size_t i = 0; i + size <= zip.size; i++)
        if (!memcmp(zip.data + i, from, size)) {
            memcpy(zip.data + i, to, size);
            count++;
        }
    assert_int_equal(write_bytes(path, zip.data, zip.size), 0);
    free_bytes(&zip);
    return count;
}

/* Give an entry other sizes in the directory; its name lies 46 bytes into its record there. */
static void claim_sizes(const char *name, const uint32_t *packed, const uint32_t *unpacked)
{
    Bytes zip = read_bytes(path);
    for (size_t i = 0; i + 46 + strlen(name) <= zip.size; i++)
        if (!memcmp(zip.data + i, "PK\1\2", 4) && !memcmp(zip.data + i + 46, name, strlen(name))) {
            if (packed) memcpy(zip.data + i + 20, packed, 4);
            if (unpacked) memcpy(zip.data + i + 24, unpacked, 4);
        }
    assert_int_equal(write_bytes(path, zip.data, zip.size), 0);
    free_bytes(&zip);
}

static void lying_sizes_are_named(void **state)
{
    (void)state;
    static const uint32_t large = 1 << 20, small_size = 100;
    Bytes pickle = good_pickle();
    write_checkpoint(&pickle);
    claim_sizes("archive/data/1", &large, &large);
    expect_refusal("its entries overlap");
    const FixtureEntry entries[] = {{"a/data.pkl", pickle.data, pickle.size, 1}};
    assert_int_equal(write_zip(path, entries, 1), 0);
    claim_sizes("a/data.pkl", NULL, &small_size);
    expect_refusal("damaged zip file");
    assert_int_equal(write_zip(path, entries, 1), 0);
    claim_sizes("a/data.pkl", NULL, &large);
    expect_refusal("damaged zip file");
    free_bytes(&pickle);
}

static void damaged_zips_are_named(void **state)
{
    (void)state;
    Bytes pickle = good_pickle();
    write_checkpoint(&pickle);
    assert_int_equal(replace("archive/data/1", "archive/data/0", 14), 2);
    expect_refusal("two entries are called archive/data/0");

    write_checkpoint(&pickle);
    assert_int_equal(replace("_rebuild_tensor_v2\n((X", "_rebuild_tensor_v2\n((U", 22), 2);
    expect_refusal("damaged"); /* the pickle's checksum, or what the change makes of it */

    write_checkpoint(&pickle);
    assert_int_equal(replace((const char *)&counting[11], "\0\0\x31\x41", 4), 1);
    HedonTorchFile *file = open_good(); /* elements are not read yet */
    const HedonTensorSource *source = hedon_torch_source(file);
    float out[12];
    assert_int_equal(source->fetch(ctx, source->opaque, 0, out), HEDON_EDATA);
    assert_non_null(strstr(hedon_last_error(ctx), "CRC"));
    /* and what is not good once is not taken from memory the second time */
    assert_int_equal(source->fetch(ctx, source->opaque, 0, out), HEDON_EDATA);
    hedon_torch_close(file);
    free_bytes(&pickle);
}

static void other_files_are_told_apart(void **state)
{
    (void)state;
    int is_torch;
    assert_int_equal(write_bytes(path, "{}", 2), 0);
    assert_int_equal(hedon_torch_recognise(ctx, path, &is_torch), 0);
    assert_false(is_torch);
    expect_refusal("not a PyTorch file");
    assert_int_equal(write_bytes(path, "\x80\x02}.", 4), 0);
    expect_refusal("not a PyTorch file");
    assert_int_equal(write_bytes(path, "", 0), 0);
    expect_refusal("not a PyTorch file");
    HedonTorchFile *file;
    assert_int_equal(hedon_torch_open(ctx, &file, "/nowhere/at/all"), HEDON_ENOENT);
    assert_int_equal(hedon_torch_open(ctx, &file, "/tmp"), HEDON_EISDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_is_refused_by_name_and_never_run),
        cmocka_unit_test(refusals_say_what_to_do),
        cmocka_unit_test(damaged_pickles_are_named),
        cmocka_unit_test(loops_and_depth_are_bounded),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(impossible_tensors_are_named),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(foreign_zips_are_named),
        cmocka_unit_test(zip_bombs_are_refused),
        cmocka_unit_test(lying_sizes_are_named),
        cmocka_unit_test(damaged_zips_are_named),
        cmocka_unit_test(other_files_are_told_apart),
    };
    return cmocka_run_group_tests(tests, set_up_torch, tear_down_torch);
}
