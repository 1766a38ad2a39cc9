/* PyTorch checkpoints: tensors come out as torch would give them; whatever is hostile, damaged or no
 * plain data is refused with a sentence that names it, and nothing is executed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <unistd.h>

#include "base/memory.h"
#include "models/safetensors.h"
#include "models/torch_file.h"
#include "tests/torch_fixture.h"

static HedonContext *ctx;
static char path[] = "/tmp/hedon-torch-XXXXXX";
static char canary[64]; /* what hostile pickles would create */

/* Two storages: 12 floats 0, 1, 2, ... under "0"; 16 bytes under "1". */
static float counting[12];
static uint8_t small[16];

static void write_checkpoint(const Bytes *pickle)
{
    const FixtureEntry entries[] = {
        {"archive/data.pkl", pickle->data, pickle->size, 0},
        {"archive/byteorder", "little", 6, 0},
        {"archive/data/0", counting, sizeof(counting), 0},
        {"archive/data/1", small, sizeof(small), 0},
        {"archive/version", "3\n", 2, 0},
    };
    assert_int_equal(write_zip(path, entries, 5), 0);
}

static void expect_refusal(const char *sentence)
{
    HedonTorchFile *file;
    const int code = hedon_torch_open(ctx, &file, path);
    if (!code) fail_msg("%s: not refused", sentence);
    assert_null(file);
    if (!strstr(hedon_last_error(ctx), sentence))
        fail_msg("wanted \"%s\", got \"%s\"", sentence, hedon_last_error(ctx));
    assert_int_not_equal(access(canary, F_OK), 0);
}

static void expect_pickle_refusal(const void *bytes, size_t size, const char *sentence)
{
    Bytes pickle = {0};
    put(&pickle, bytes, size);
    write_checkpoint(&pickle);
    free_bytes(&pickle);
    expect_refusal(sentence);
}

static HedonTorchFile *open_good(void)
{
    HedonTorchFile *file;
    if (hedon_torch_open(ctx, &file, path)) fail_msg("%s", hedon_last_error(ctx));
    return file;
}

static void expect_values(const HedonTorchFile *file, const char *name, int count, const float *wanted)
{
    const HedonTensorSource *source = hedon_torch_source(file);
    const HedonStoredTensor *stored = hedon_tensor_source_find(source, name);
    if (!stored) fail_msg("no tensor %s", name);
    float values[64] = {0};
    assert_int_equal(hedon_shape_count(&stored->shape), count);
    assert_int_equal(stored->bytes, (size_t)count * hedon_dtype_size(stored->dtype));
    assert_int_equal(source->fetch(ctx, source->opaque, stored - source->tensors, values), 0);
    for (int i = 0; i < count; i++)
        if (values[i] != wanted[i])
            fail_msg("%s[%d] is %g, not %g", name, i, (double)values[i], (double)wanted[i]);
}

#define FLOATS(...) ((const float[]){__VA_ARGS__})

static const FixtureTensor matrix = {"FloatStorage", "0", 12, 0, 2, {3, 4}, {4, 1}};

static void begin(Bytes *pickle)
{
    put(pickle, "\x80\x02}(", 4);
}

static void add(Bytes *pickle, const char *name, const FixtureTensor *tensor)
{
    put_text(pickle, name);
    put_tensor(pickle, tensor);
}

/* ---- Good files ---------------------------------------------------------------------------------- */

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
    static const uint16_t halves[4] = {0x3c00, 0xc000, 0x3800, 0x0001}, brains[2] = {0x3f80, 0xc040};
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
        {"x/data/0", doubles, sizeof(doubles), 1},  {"x/data/1", halves, sizeof(halves), 0},
        {"x/data/2", brains, sizeof(brains), 0},    {"x/data/3", longs, sizeof(longs), 0},
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
        "\x80\x04\x95\x50\0\0\0\0\0\0\0}\x94(\x8c\x01w\x94\x8c\x0ctorch._utils\x94\x8c\x12_rebuild_tensor_v2"
        "\x94\x93\x94((\x8c\x07storage\x94\x8c\x05torch\x94\x8c\x0c" "FloatStorage\x94\x93\x94\x8c\x01"
        "0\x94\x8c\x03" "cpu\x94K\x0ct\x94QK\x02K\x03\x85\x94K\x02\x85\x94\x89\x8c\x0b" "collections\x94\x8c\x0b"
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

/* ---- Code ---------------------------------------------------------------------------------------- */

/* Python 3.11 runs `touch CANARY` for each of these; the `%` stands for that command. */
static void code_is_refused_by_name_and_never_run(void **state)
{
    (void)state;
    static const struct {
        const char *pickle;
        const char *sentence;
    } cases[] = {
        {"\x80\x02" "cos\nsystem\n%\x85R.", "refuses os.system"},
        {"\x80\x02" "cposix\nsystem\n%\x85R.", "refuses posix.system"},
        {"cos\nsystem\n(%tR.", "refuses os.system"},
        {"\x80\x02(%ios\nsystem\n.", "refuses os.system"},
        {"\x80\x02(cos\nsystem\n%o.", "refuses os.system"},
        {"\x80\x04\x8c\x02os\x8c\x06system\x93%\x85R.", "refuses os.system"},
        {"\x80\x02" "csubprocess\nPopen\n%\x85\x81.", "refuses subprocess.Popen"},
        {"\x80\x04\x8c\x0asubprocess\x8c\x05Popen\x93%\x85}\x92.", "refuses subprocess.Popen"},
        {"\x80\x02" "cbuiltins\neval\n%\x85R.", "refuses builtins.eval"},
        {"\x80\x02" "c__builtin__\ngetattr\n.", "refuses __builtin__.getattr"},
        {"\x80\x02" "cnumpy.core.multiarray\nscalar\n.", "refuses numpy.core.multiarray.scalar"},
        {"\x80\x02" "cargparse\nNamespace\n)\x81}b.", "refuses argparse.Namespace"},
        {"\x80\x02" "ctorch.nn.modules.conv\nConv3d\n.", "refuses torch.nn.modules.conv.Conv3d"},
        {"\x80\x02" "ctorch\nload\n%\x85R.", "refuses torch.load"},
        {"\x80\x02" "ctorch\nFloatStorage.__init__\n.", "refuses torch.FloatStorage.__init__"},
        {"\x80\x04\x8c\x05torch\x8c\x0dSize.__init__\x93.", "refuses torch.Size.__init__"},
        {"\x80\x02" "ctorch\x1b[31m\nx\n.", "refuses torch?[31m.x"},
        {"\x80\x02" "ctorch\nFloatStorage\n%\x85R.", "refuses to call torch.FloatStorage"},
        {"\x80\x02" "ctorch._utils\n_rebuild_tensor_v2\n}b.", "refuses to set an object's state"},
        {"\x80\x02]}b.", "refuses to set an object's state"},
        {"\x80\x02}]b.", "refuses to set an object's state"},
        {"\x80\x02K\x01)R.", "something is called that is no function"},
        {"\x80\x02" "ccollections\nOrderedDict\nK\x01R.", "something is called that is no function"},
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
    expect_pickle_refusal("\x80\x02" "cos\nsystem\n.", 14, "torch.save(model.state_dict(), FILE)");
}

/* ---- Damaged pickles ----------------------------------------------------------------------------- */

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
        {"\x80\x02" "cos", 5, "cut off"},
        {"\x80\x02" "cos\nsys", 9, "cut off"},
        {"\x80\x04K\x01K\x02\x93.", 8, "a global's name is no text"},
        {"\x80\x02" "ccollections\nOrderedDict\nK\x01\x85R.", 31, "an OrderedDict is made of no list"},
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
    expect_pickle_refusal("\x80\x02]q\x01h\x01" "a.", 9, "holds no dict");

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

static Bytes good_pickle(void)
{
    const FixtureTensor half = {"HalfStorage", "1", 8, 0, 1, {8}, {1}};
    Bytes pickle = {0};
    begin(&pickle);
    add(&pickle, "a", &matrix);
    add(&pickle, "b", &half);
    put_string(&pickle, "u.");
    return pickle;
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

/* ---- Sizes --------------------------------------------------------------------------------------- */

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

/* ---- Hostile zips -------------------------------------------------------------------------------- */

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
         2, "two data.pkl"},
        {{{"a/data.pkl", pickle.data, pickle.size, 0}, {"../../etc/passwd", "x", 1, 0}}, 2,
         "leads out of its folder"},
        {{{"../data.pkl", pickle.data, pickle.size, 0}}, 1, "leads out of its folder"},
        {{{"/data.pkl", pickle.data, pickle.size, 0}}, 1, "leads out of its folder"},
        {{{"a/data.pkl", pickle.data, pickle.size, 0}, {"a/..", "x", 1, 0}}, 2,
         "leads out of its folder"},
        {{{"a/data.pkl", pickle.data, pickle.size, 0}, {"a\\x", "x", 1, 0}}, 2,
         "leads out of its folder"},
        {{{"a/data.pkl", pickle.data, pickle.size, 0}, {"a/byteorder", "big", 3, 0}}, 2,
         "not little-endian"},
        {{{"a/data.pkl", pickle.data, pickle.size, 0}, {"a/constants.pkl", "x", 1, 0}}, 2,
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
    assert_non_null(strstr(hedon_last_error(ctx), "refuses to unpack 67108864 bytes for a tensor of 16"));
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

static void damaged_zips_are_named(void **state)
{
    (void)state;
    Bytes pickle = good_pickle();
    write_checkpoint(&pickle);
    assert_int_equal(replace("archive/data/1", "archive/data/0", 14), 2);
    expect_refusal("two entries have the same name");

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

/* ---- Before 1.6 ---------------------------------------------------------------------------------- */

static const char legacy_magic[] = "\x80\x02\x8a\x0al\xfc\x9c" "F\xf9 j\xa8P\x19.";

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

/* ---- What torch itself wrote (tools/golden/torch_files.py) ---------------------------------------- */

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
    static const char *const names[] = {"torch_state.pth", "torch_protocol4.pth", "torch_legacy.pth"};
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

/* ---- Memory -------------------------------------------------------------------------------------- */

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

static int set_up(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    ctx = hedon_context_new();
    snprintf(canary, sizeof(canary), "%s.executed", path);
    for (int i = 0; i < 12; i++) counting[i] = (float)i;
    for (int i = 0; i < 16; i++) small[i] = (uint8_t)(i * 3);
    return fd < 0 || close(fd) || !ctx ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    hedon_context_free(ctx);
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_come_out_row_major),
        cmocka_unit_test(every_float_type_is_read),
        cmocka_unit_test(nested_checkpoints_say_what_was_taken),
        cmocka_unit_test(what_is_no_state_dict_is_said),
        cmocka_unit_test(protocol_4_is_read),
        cmocka_unit_test(code_is_refused_by_name_and_never_run),
        cmocka_unit_test(refusals_say_what_to_do),
        cmocka_unit_test(damaged_pickles_are_named),
        cmocka_unit_test(loops_and_depth_are_bounded),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(impossible_tensors_are_named),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(foreign_zips_are_named),
        cmocka_unit_test(zip_bombs_are_refused),
        cmocka_unit_test(damaged_zips_are_named),
        cmocka_unit_test(other_files_are_told_apart),
        cmocka_unit_test(files_before_1_6_are_read),
        cmocka_unit_test(damaged_files_before_1_6_are_named),
        cmocka_unit_test(torchs_own_files_are_read),
        cmocka_unit_test(torchs_objects_are_refused_by_name),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
