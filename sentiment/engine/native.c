/* The scoring core: texts in, P(positive) out, without Python's lock. native.py says how it is used.

   network.h: what a network is. loading.h: how it is taken from Python and checked. tokens.h: from a text to indices.
   recurrence.h: the arithmetic. Here: a review's way through all of them, and the functions that Python calls. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"

static void start_state(const struct network *network, const struct layer *layer, const struct direction *direction,
                        const struct review *review, float *hidden, float *memory)
{
    size_t units = layer->units;
    memset(hidden, 0, layer->padded * sizeof *hidden);
    memset(memory, 0, layer->padded * sizeof *memory);
    if (network->padding == TABULATED) {
        memcpy(hidden, direction->states + review->padding * units, units * sizeof *hidden);
        if (layer->cell == LSTM)
            memcpy(memory, direction->states + (network->maxlen + 1 + review->padding) * units, units * sizeof *memory);
    }
}

/* The input product of the token that is read at a time; the next one is called into the cache. */
static const float *input_row(const struct layer *layer, const struct direction *direction, const struct review *review,
                              int time, int backward)
{
    size_t position = backward ? review->length - 1 - time : time;
    if (!direction->table)
        return review->products + position * layer->row;
    if (time + 1 < review->length) {
        const float *following = direction->table + review->tokens[backward ? position - 1 : position + 1] * layer->row;
        for (size_t line = 0; line < layer->row; line += 16)
            __builtin_prefetch(following + line);
    }
    return direction->table + review->tokens[position] * layer->row;
}

/* Pool a state, or store it for the next layer. */
static void hand_on(const struct network *network, const struct layer *layer, const struct review *review,
                    const float *hidden, int time, int backward)
{
    size_t units = layer->units, all = network->directions * units, offset = backward * units;
    int last = time + 1 == review->length;
    if (layer != &network->layer[network->layers - 1]) {
        size_t position = backward ? review->length - 1 - time : time;
        memcpy(review->sequence + position * all + offset, hidden, units * sizeof *hidden);
    } else if (network->pooling == LAST) {
        if (last)
            memcpy(review->features + offset, hidden, units * sizeof *hidden);
    } else {
        float *pooled = review->features + offset;
        if (network->pooling != MEAN) {
            for (size_t unit = 0; unit < units; unit++)
                pooled[unit] = time && pooled[unit] > hidden[unit] ? pooled[unit] : hidden[unit];
            pooled += all;
        }
        if (network->pooling != MAX)
            for (size_t unit = 0; unit < units; unit++)
                pooled[unit] = ((time ? pooled[unit] : 0) + hidden[unit]) / (last ? review->length : 1);
    }
}

struct kernels {
    int width;
    void (*input_product)(const struct layer *, const struct direction *, const float *, size_t, float *);
    void (*read_reviews)(const struct network *, const struct layer *, int, struct review *, int, float *);
};

/* Vectors that the registers hold: 32 of 16 floats, 16 of 8, 16 of 4, or 32 of 4. */
#if defined(__x86_64__)
#define WIDTH 16
#define ROWS 6
#define TARGET __attribute__((target("avx512f")))
#include "recurrence.h"
#define WIDTH 8
#define ROWS 3
#define TARGET __attribute__((target("avx2,fma")))
#include "recurrence.h"
#define WIDTH 4
#define ROWS 2
#else
#define WIDTH 4
#define ROWS 6
#endif
#define TARGET
#include "recurrence.h"

static const struct kernels KERNELS[] = {
#if defined(__x86_64__)
    {16, input_product_16, read_reviews_16},
    {8, input_product_8, read_reviews_8},
#endif
    {4, input_product_4, read_reviews_4},
};
enum { KERNEL_COUNT = sizeof KERNELS / sizeof *KERNELS };

static int runs_here(int kernel)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (kernel == 0)
        return __builtin_cpu_supports("avx512f") != 0;
    if (kernel == 1)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return kernel < KERNEL_COUNT;
}

#include "tokens.h"
#include "loading.h"

/* Find the tokens of a review and lay them out as the network reads them. */
static void read_tokens(const struct network *network, struct review *review)
{
    int count = (int)(review->size / sizeof *review->tokens), missing;
    if (review->is_encoded)
        memcpy(review->tokens, review->text, review->size);
    else
        count = encode(network, review->text, review->size, review->tokens);
    missing = network->maxlen - count;
    review->length = network->padding == READ_BEFORE || network->padding == READ_AFTER ? network->maxlen : count;
    review->padding = missing;
    if (network->padding == READ_BEFORE)
        memmove(review->tokens + missing, review->tokens, count * sizeof *review->tokens);
    if (review->length > count)
        memset(review->tokens + (network->padding == READ_BEFORE ? 0 : count), 0, missing * sizeof *review->tokens);
}

static int longer_first(const void *one, const void *other)
{
    return ((const struct review *)other)->length - ((const struct review *)one)->length;
}

struct workspace {
    float *scratch, *products, *sequences[2], *features;
    int32_t *tokens;
};

static void score_batch(const struct network *network, const struct workspace *work, struct review *reviews, int count)
{
    size_t maxlen = network->maxlen;
    for (int i = 0; i < count; i++) {
        reviews[i].tokens = work->tokens + i * maxlen;
        reviews[i].features = work->features + (size_t)i * network->features;
        read_tokens(network, &reviews[i]);
    }
    qsort(reviews, count, sizeof *reviews, longer_first);
    for (int number = 0; number < network->layers; number++) {
        const struct layer *layer = &network->layer[number];
        for (int backward = 0; backward < network->directions; backward++) {
            for (int i = 0; i < count && network->layers > 1; i++) {
                size_t outputs = (size_t)network->directions * layer->units;
                reviews[i].sequence = work->sequences[number % 2] + i * maxlen * outputs;
                reviews[i].products = work->products + i * maxlen * layer->row;
                if (number)
                    network->kernels->input_product(layer, &layer->direction[backward],
                                                    work->sequences[1 - number % 2] + i * maxlen * layer->features,
                                                    reviews[i].length, reviews[i].products);
            }
            network->kernels->read_reviews(network, layer, backward, reviews, count, work->scratch);
        }
    }
    for (int i = 0; i < count; i++) {
        double sum = network->dense[network->features];
        for (int feature = 0; feature < network->features; feature++)
            sum += (double)reviews[i].features[feature] * network->dense[feature];
        *reviews[i].probability = (float)(1 / (1 + exp(-sum)));
    }
}

/* Score all reviews, a batch at a time; returns whether there was memory to work in. */
static int score_all(const struct network *network, struct review *reviews, Py_ssize_t count)
{
    Py_ssize_t batch = network->layers > 1 ? SLOTS : BATCH;
    batch = count < batch ? count : batch;
    size_t row = 0, padded = 0, room = batch * network->maxlen, stacked = network->layers > 1 ? room : 0;
    for (int i = 0; i < network->layers; i++) {
        row = network->layer[i].row > row ? network->layer[i].row : row;
        padded = network->layer[i].padded > padded ? network->layer[i].padded : padded;
    }
    size_t outputs = network->directions * padded; /* all but the last two parts are whole vectors */
    size_t size = 3 * SLOTS * padded + stacked * (row + 2 * outputs) + batch * network->features + room;
    float *memory = new_array(size, sizeof *memory);
    if (!memory)
        return 0;
    struct workspace work = {.scratch = memory, .products = memory + 3 * SLOTS * padded};
    work.sequences[0] = work.products + stacked * row;
    work.sequences[1] = work.sequences[0] + stacked * outputs;
    work.features = work.sequences[1] + stacked * outputs;
    work.tokens = (int32_t *)(work.features + batch * network->features);
    for (Py_ssize_t first = 0; first < count; first += batch)
        score_batch(network, &work, reviews + first, (int)(count - first < batch ? count - first : batch));
    free(memory);
    return 1;
}

/* Point to a text: str of ASCII, or bytes of one to maxlen int32 indices. Both stay as they are while they exist. */
static int read_text(const struct network *network, PyObject *item, struct review *review)
{
    Py_ssize_t size = 0;
    if (PyUnicode_Check(item)) {
        if (!(review->text = PyUnicode_AsUTF8AndSize(item, &size)))
            return 0;
        review->size = (size_t)size;
        if (PyUnicode_GetLength(item) == size)
            return 1;
    } else if (PyBytes_Check(item)) {
        const char *bytes = PyBytes_AsString(item);
        *review = (struct review){.text = bytes, .size = (size_t)PyBytes_Size(item), .is_encoded = 1};
        size_t count = review->size / sizeof(int32_t);
        int is_valid = review->size % sizeof(int32_t) == 0 && count >= 1 && count <= (size_t)network->maxlen;
        for (size_t i = 0; is_valid && i < count; i++) {
            int32_t index;
            memcpy(&index, bytes + i * sizeof index, sizeof index);
            is_valid = index >= 0 && index < network->num_words;
        }
        if (is_valid)
            return 1;
    }
    PyErr_SetString(PyExc_ValueError, "a text is neither ASCII nor indices of the vocabulary");
    return 0;
}

static PyObject *score(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *capsule, *texts;
    Py_buffer out;
    if (!PyArg_ParseTuple(arguments, "OO!w*", &capsule, &PyTuple_Type, &texts, &out))
        return NULL;
    const struct network *network = PyCapsule_GetPointer(capsule, "sentiment.network");
    Py_ssize_t count = PyTuple_Size(texts), read = 0;
    struct review *reviews = network ? calloc((size_t)count + 1, sizeof *reviews) : NULL;
    int done = 0;
    if (out.len != count * (Py_ssize_t)sizeof(float) || (uintptr_t)out.buf % sizeof(float))
        PyErr_SetString(PyExc_ValueError, "out must have a float32 for each text");
    else if (reviews) {
        for (; read < count && read_text(network, PyTuple_GetItem(texts, read), &reviews[read]); read++)
            reviews[read].probability = (float *)out.buf + read;
        if (read == count) {
            Py_BEGIN_ALLOW_THREADS
            done = score_all(network, reviews, count);
            Py_END_ALLOW_THREADS
        }
    }
    free(reviews);
    PyBuffer_Release(&out);
    if (done)
        Py_RETURN_NONE;
    return PyErr_Occurred() ? NULL : PyErr_NoMemory();
}

static PyObject *encode_text(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *capsule, *text, *encoded = NULL;
    struct review review = {0};
    if (!PyArg_ParseTuple(arguments, "OU", &capsule, &text))
        return NULL;
    const struct network *network = PyCapsule_GetPointer(capsule, "sentiment.network");
    int32_t *tokens = network && read_text(network, text, &review) ? new_array(network->maxlen, sizeof *tokens) : NULL;
    if (tokens)
        encoded = PyBytes_FromStringAndSize(
            (const char *)tokens, encode(network, review.text, review.size, tokens) * (Py_ssize_t)sizeof *tokens);
    free(tokens);
    return encoded;
}

static PyObject *has_pair(PyObject *module, PyObject *arguments)
{
    (void)module;
    const char *pairs;
    Py_ssize_t room, size;
    PyObject *text;
    if (!PyArg_ParseTuple(arguments, "y#U", &pairs, &room, &text))
        return NULL;
    if (room != 128 * 128) {
        PyErr_SetString(PyExc_ValueError, "pairs must have a byte for each two ASCII characters");
        return NULL;
    }
    const char *characters = PyUnicode_AsUTF8AndSize(text, &size);
    if (!characters)
        return NULL;
    Py_ssize_t place = 0;
    while (place < size && !pairs[(characters[place] & 127) * 128 + (characters[place + 1] & 127)])
        place++;
    return PyBool_FromLong(place < size);
}

static PyObject *widest(PyObject *module, PyObject *arguments)
{
    (void)module, (void)arguments;
    int chosen = 0;
    while (!runs_here(chosen))
        chosen++;
    return PyLong_FromLong(KERNELS[chosen].width);
}

static PyMethodDef methods[] = {
    {"load", load, METH_VARARGS, "The network of the arrays that sentiment.engine.native lays out."},
    {"score", score, METH_VARARGS, "score(network, texts, out): write P(positive) of each text to out, float32."},
    {"encode", encode_text, METH_VARARGS, "encode(network, text): the int32 indices of an ASCII text, as bytes."},
    {"has_pair", has_pair, METH_VARARGS, "has_pair(pairs, text): whether an ASCII text, ended by 0, has one of pairs."},
    {"widest", widest, METH_NOARGS, "Floats in a vector of the best instruction set that this processor has."},
    {0},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModule_Create(&definition);
}
