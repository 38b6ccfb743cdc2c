/* libFuzzer over the scoring core: networks of every kind, arrays and numbers that do not fit, any text, any indices.

       clang -g -O1 -fsanitize=fuzzer,address,undefined $(python3-config --includes) tests/campaign/fuzz_core.c \
           $(python3-config --embed --ldflags) -lm -o fuzz_core
       PYTHONMALLOC=malloc ./fuzz_core -max_len=600 -max_total_time=3600 -detect_leaks=0

   The first bytes of an input choose the network, the others are its words and the texts. Each array is an allocation
   of its own, so that the sanitizer sees its end. What is no probability, or no index of a word, ends the fuzzer. */

#include "../../sentiment/engine/native.c"

enum { MOST_ARRAYS = MOST_LAYERS * 10 + 4, TEXTS = 4 };

static const uint8_t *input;
static size_t left;
static void *arrays[MOST_ARRAYS + 3];
static int array_count, may_be_nan;

/* The next byte of the input, below a bound; 0 where it is used up. */
static int choose(int bound)
{
    if (!left)
        return 0;
    left--;
    return *input++ % bound;
}

/* A number of the range that is mostly used, and sometimes one that is out of every range. */
static int number(int from, int to)
{
    static const int odd[] = {-2147483647 - 1, -1, 0, (1 << 16) + 1, (1 << 24) + 1, 2147483647};
    int chosen = from + choose(to - from);
    return choose(256) == 255 ? odd[choose(6)] : chosen;
}

static PyObject *array_of(void *memory, size_t size)
{
    arrays[array_count++] = memory;
    return PyMemoryView_FromMemory(memory, (Py_ssize_t)size, PyBUF_READ);
}

static void *allocated(size_t size)
{
    void *memory = NULL;
    if (posix_memalign(&memory, ALIGNMENT, size ? size : 1))
        abort();
    return memory;
}

/* An array of floats, sometimes of the wrong size. */
static PyObject *floats(size_t count, float scale)
{
    if (choose(256) == 255)
        count = (size_t)choose((int)count + 8);
    float *memory = allocated(count * sizeof *memory);
    for (size_t i = 0; i < count; i++)
        memory[i] = scale * (float)((int)((i + 1) * 2654435761u >> 20) - 2048) / 2048;
    return array_of(memory, count * sizeof *memory);
}

static PyObject *bytes(size_t count)
{
    uint8_t *memory = allocated(count);
    for (size_t i = 0; i < count; i++)
        memory[i] = (uint8_t)choose(256);
    return array_of(memory, count);
}

/* Of the 256 characters: letters in lower case, separators, and a mark. */
static PyObject *classes(void)
{
    uint8_t *memory = allocated(256);
    for (int c = 0; c < 256; c++)
        memory[c] = (uint8_t)(c == '!' ? MARK + c : c <= ' ' || strchr("<>/.,", c) ? SEPARATOR : c % MARK);
    for (int c = 'A'; c <= 'Z'; c++)
        memory[c] = (uint8_t)(c + 32);
    return array_of(memory, 256);
}

/* Where the words end: rising, or anything. */
static PyObject *ends(int count, int letters)
{
    int32_t *memory = allocated(count * sizeof *memory);
    for (int i = 0; i < count; i++)
        memory[i] = number(0, 1) + (i + 1) * letters / count;
    return array_of(memory, count * sizeof *memory);
}

static PyObject *tuple_of(PyObject **items, int count)
{
    PyObject *tuple = PyTuple_New(count);
    for (int i = 0; i < count; i++)
        PyTuple_SetItem(tuple, i, items[i]);
    return tuple;
}

/* A text of the input's bytes, or indices of words. */
static PyObject *text_of(int maxlen, int num_words)
{
    char text[600];
    int kind = choose(8);
    if (kind < 2 && maxlen > 0 && maxlen <= 100) {
        int32_t indices[100];
        int count = number(1, maxlen + 1);
        count = count < 0 || count > 100 ? 0 : count;
        for (int i = 0; i < count; i++)
            indices[i] = number(0, num_words > 0 && num_words < 256 ? num_words : 5);
        return PyBytes_FromStringAndSize((const char *)indices, count * (Py_ssize_t)sizeof *indices);
    }
    size_t size = (size_t)choose(256) % (left + 1);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)choose(kind == 2 ? 256 : 128);
    return PyUnicode_DecodeLatin1(text, (Py_ssize_t)size, NULL);
}

/* The capsule of a network that the input describes, or NULL with Python's error. */
static PyObject *loaded(int *maxlen, int *num_words)
{
    static const int widths[] = {4, 8, 16};
    static const float scales[] = {1, 0.1f, 1e3f, 1e30f, INFINITY, NAN};
    int width = widths[choose(3)], cell = number(0, 3), padding = number(0, 4), pooling = number(0, 4);
    int directions = number(1, 3), cut_end = choose(2), line_breaks = choose(2), shortens = choose(2);
    int layers = 1 + choose(3), dim = 1 + choose(9);
    float scale = scales[choose(6)];
    *maxlen = number(2, 40), *num_words = number(INDEX_FROM + 1, 40);
    int sane_words = *num_words > 0 && *num_words < 100 ? *num_words : 9;
    int sane_length = *maxlen > 0 && *maxlen < 100 ? *maxlen : 9;
    int32_t units[3];
    PyObject *items[MOST_ARRAYS], *embedding = floats((size_t)sane_words * dim, scale);
    int count = 0, features = dim, ways = directions == 2 ? 2 : 1, gates = GATES[cell >= 0 && cell < 3 ? cell : 0];
    for (int layer = 0; layer < layers; layer++) {
        units[layer] = number(1, 20);
        int many = units[layer] > 0 && units[layer] < 100 ? units[layer] : 3;
        size_t padded = (size_t)(many + width - 1) / width * width;
        for (int way = 0; way < ways; way++) {
            items[count++] = floats(padded * gates * features, scale);
            items[count++] = floats(padded * gates * many, scale);
            items[count++] = floats(padded * gates, scale);
            items[count++] = floats(padded, scale);
            size_t states = (size_t)(cell == LSTM ? 2 : 1) * (sane_length + 1) * many;
            items[count++] = floats(padding == TABULATED ? states : 0, scale);
        }
        features = ways * many;
    }
    int letters = choose(60), words = choose(sane_words - INDEX_FROM > 0 ? sane_words - INDEX_FROM + 1 : 1);
    items[count++] = classes();
    items[count++] = bytes((size_t)letters);
    items[count++] = ends(words, letters);
    items[count++] = floats((size_t)features * (pooling == MAX_MEAN ? 2 : 1) + 1, scale);
    PyObject *of_units = array_of(memcpy(allocated(sizeof units), units, sizeof units), layers * sizeof *units);
    PyObject *tuple = tuple_of(items, count);
    PyObject *arguments = Py_BuildValue("(iiiiiiiiiiOOO)", width, cell, *maxlen, padding, pooling, directions, cut_end,
                                        line_breaks, shortens, *num_words, of_units, embedding, tuple);
    PyObject *capsule = load(NULL, arguments);
    Py_DecRef(arguments), Py_DecRef(of_units), Py_DecRef(embedding), Py_DecRef(tuple);
    may_be_nan = !(scale < 1e4f);
    return capsule;
}

static void check(int holds)
{
    if (!holds)
        abort();
}

static void score_texts(PyObject *capsule, int maxlen, int num_words)
{
    PyObject *items[TEXTS];
    for (int i = 0; i < TEXTS; i++)
        items[i] = text_of(maxlen, num_words);
    PyObject *texts = tuple_of(items, TEXTS), *out = PyByteArray_FromStringAndSize(NULL, TEXTS * sizeof(float));
    PyObject *arguments = Py_BuildValue("(OOO)", capsule, texts, out), *scored = score(NULL, arguments);
    for (int i = 0; scored && !may_be_nan && i < TEXTS; i++) {
        float probability;
        memcpy(&probability, PyByteArray_AsString(out) + i * sizeof probability, sizeof probability);
        check(probability >= 0 && probability <= 1);
    }
    for (int i = 0; i < TEXTS; i++) {
        PyErr_Clear();
        PyObject *one = Py_BuildValue("(OO)", capsule, items[i]);
        PyObject *encoded = PyUnicode_Check(items[i]) ? encode_text(NULL, one) : NULL;
        Py_ssize_t count = encoded ? PyBytes_Size(encoded) / (Py_ssize_t)sizeof(int32_t) : 0;
        check(count <= maxlen && (!encoded || count >= 1));
        for (Py_ssize_t token = 0; token < count; token++) {
            int32_t index;
            memcpy(&index, PyBytes_AsString(encoded) + token * (Py_ssize_t)sizeof index, sizeof index);
            check(index > 0 && index < num_words);
        }
        Py_XDECREF(encoded);
        Py_DecRef(one);
    }
    Py_XDECREF(scored);
    Py_DecRef(arguments), Py_DecRef(texts), Py_DecRef(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!Py_IsInitialized())
        Py_InitializeEx(0);
    input = data, left = size, array_count = 0;
    int maxlen, num_words;
    PyObject *capsule = loaded(&maxlen, &num_words);
    if (capsule)
        score_texts(capsule, maxlen, num_words);
    Py_XDECREF(capsule);
    PyErr_Clear();
    while (array_count)
        free(arrays[--array_count]);
    return 0;
}
