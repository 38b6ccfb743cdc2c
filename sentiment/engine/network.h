/* A network and how it is loaded.

   Each array that Python passes must have exactly the size that follows from the sizes of the layers before it, each
   index must be one of the vocabulary. A network does not change once it is loaded, so threads share it. */

enum cell { LSTM, GRU, SIMPLE_RNN };
enum padding { SKIPPED, READ_BEFORE, READ_AFTER, TABULATED };
enum pooling { LAST, MAX, MEAN, MAX_MEAN };
enum { START = 1, OUT_OF_VOCABULARY = 2, INDEX_FROM = 4 };
enum { MARK = 128, SEPARATOR = 255 };
enum { SLOTS = 24, BATCH = 512, ALIGNMENT = 64 };
enum { MOST_LAYERS = 32, MOST_UNITS = 1 << 14, MOST_TOKENS = 1 << 16, MOST_WORDS = 1 << 24, MOST_BUFFERS = 400 };

static const int GATES[] = {4, 3, 1};
static const float TANH_SCALE = -2.885390081777927f; /* -2 log2(e) */

/* Weights are in blocks of `width` units, (blocks, inputs, gates, width), and hold the scales of their gates. */
struct direction {
    const float *kernel, *recurrent, *bias; /* bias: (row,) */
    const float *candidate_bias;            /* (padded,): of a GRU's candidate, what the reset gate multiplies too */
    const float *states;                    /* (1 or 2, maxlen + 1, units) after 0, 1, ... padding tokens, or NULL */
    float *table;                           /* (words, row): input product of each word; of the first layer */
};

struct layer {
    int cell, units, features, blocks;
    size_t padded, row; /* units in whole blocks; floats of an input product: gates * padded */
    struct direction direction[2];
};

struct word {
    uint64_t key;
    uint32_t length;
    int32_t index; /* 0: the slot is empty */
};

struct network {
    int cell, maxlen, padding, cut_end, pooling, directions, line_breaks, shortens, num_words, layers, features, buffers;
    const struct kernels *kernels;
    struct layer layer[MOST_LAYERS];
    const float *dense;           /* (features + 1,): weights and bias */
    const unsigned char *classes; /* (256,): MARK and above a token of its own, or SEPARATOR; else part of a word */
    const unsigned char *letters; /* of all words */
    const int32_t *ends;
    Py_ssize_t letters_size;
    struct word *words; /* hash table of mask + 1 slots, at least half of them empty */
    uint32_t mask;
    Py_buffer buffer[MOST_BUFFERS]; /* what belongs to Python */
};

struct review {
    const void *text;
    size_t size;
    int is_encoded;             /* the text is int32 indices, not ASCII characters */
    int length, padding;        /* tokens to read; padding tokens that the first state stands for */
    int32_t *tokens;
    float *products, *sequence; /* (length, row), input of a later layer; (length, directions * units), output */
    float *features;            /* what goes on to Dense */
    float *probability;
};
