/* The arithmetic of the core, for vectors of WIDTH floats; native.c includes this file once for each instruction set.

   A tile is ROWS reviews (or words) times one block of WIDTH units with all gates. Its sums stay in registers. Every
   sum adds its terms in the same order, wherever in a tile it is: so a review's probability depends on the review
   alone. Reviews move through SLOTS slots; one that ends makes room for the next. */

#define JOIN_(name, width) name##_##width
#define JOIN(name, width) JOIN_(name, width)
#define NAME(name) JOIN(name, WIDTH)
#define VECTOR NAME(vector)
#define BITS NAME(bits)
#define INLINE static inline __attribute__((always_inline)) TARGET

typedef float VECTOR __attribute__((vector_size(4 * WIDTH), may_alias));
typedef uint32_t BITS __attribute__((vector_size(4 * WIDTH)));

/* 2^y, for y brought into [-100, 40], with a relative error below 3e-7. With y = n + r and |r| <= 1/2, it is a
   polynomial in r, the best of degree 5 that is 1 at 0, to whose exponent n is added. Adding 1.5 * 2^23 rounds y. */
INLINE VECTOR NAME(power_of_two)(VECTOR y)
{
    const VECTOR none = {0}, least = none - 100.0f, most = none + 40.0f;
    BITS low = (BITS)(y < least);
    y = (VECTOR)((low & (BITS)least) | (~low & (BITS)y));
    BITS high = (BITS)(y > most);
    y = (VECTOR)((high & (BITS)most) | (~high & (BITS)y));
    VECTOR shifted = y + 12582912.0f, r = y - (shifted - 12582912.0f);
    VECTOR power = r * 0.001326465280726552f + 0.009671511128544807f;
    power = power * r + 0.05550733953714371f;
    power = power * r + 0.24022242426872253f;
    power = power * r + 0.6931470036506653f;
    power = power * r + 1.0f;
    return (VECTOR)((BITS)power + ((BITS)shifted << 23));
}

/* Add weights (count, gates, WIDTH) times inputs (ROWS, count) to the sums of a tile. */
INLINE void NAME(accumulate)(VECTOR sums[ROWS][4], int gates, const float *weights, const float *const *inputs,
                             int count)
{
    for (int k = 0; k < count; k++)
        for (int gate = 0; gate < gates; gate++) {
            VECTOR weight = *(const VECTOR *)(weights + ((size_t)k * gates + gate) * WIDTH);
            for (int row = 0; row < ROWS; row++)
                sums[row][gate] += weight * inputs[row][k];
        }
}

INLINE void NAME(product_of)(int gates, const struct layer *layer, const struct direction *direction,
                             const float *inputs, size_t rows, float *products)
{
    for (int block = 0; block < layer->blocks; block++) {
        size_t offset = (size_t)block * gates * WIDTH;
        for (size_t first = 0; first < rows; first += ROWS) {
            const float *input[ROWS];
            VECTOR sums[ROWS][4];
            for (int row = 0; row < ROWS; row++) {
                size_t position = first + row < rows ? first + row : rows - 1;
                input[row] = inputs + position * layer->features;
                for (int gate = 0; gate < gates; gate++)
                    sums[row][gate] = *(const VECTOR *)(direction->bias + offset + gate * WIDTH);
            }
            NAME(accumulate)(sums, gates, direction->kernel + offset * layer->features, input, layer->features);
            for (int row = 0; row < ROWS && first + row < rows; row++)
                for (int gate = 0; gate < gates; gate++)
                    *(VECTOR *)(products + (first + row) * layer->row + offset + gate * WIDTH) = sums[row][gate];
        }
    }
}

/* inputs (rows, features) times kernel plus bias: products (rows, layer->row). */
TARGET static void NAME(input_product)(const struct layer *layer, const struct direction *direction,
                                       const float *inputs, size_t rows, float *products)
{
    switch (layer->cell) {
    case LSTM: NAME(product_of)(4, layer, direction, inputs, rows, products); break;
    case GRU: NAME(product_of)(3, layer, direction, inputs, rows, products); break;
    default: NAME(product_of)(1, layer, direction, inputs, rows, products);
    }
}

/* One time step of ROWS reviews, for the units of one block. The weights hold the factors -log2(e) for a sigmoid and
   -2 log2(e) for a tanh: with e = 2^sum, sigmoid is 1 / (1 + e) and tanh is (1 - e) / (1 + e). Fractions are joined. */
INLINE void NAME(step)(int cell, int gates, const struct layer *layer, const struct direction *direction, int block,
                       const float *const *inputs, const float *before, float *after, float *memory)
{
    size_t offset = (size_t)block * gates * WIDTH;
    const float *hidden[ROWS];
    VECTOR sums[ROWS][4];
    for (int row = 0; row < ROWS; row++) {
        hidden[row] = before + row * layer->padded;
        for (int gate = 0; gate < gates; gate++)
            sums[row][gate] = *(const VECTOR *)(inputs[row] + offset + gate * WIDTH);
        if (cell == GRU)
            sums[row][2] = *(const VECTOR *)(direction->candidate_bias + block * WIDTH);
    }
    NAME(accumulate)(sums, gates, direction->recurrent + offset * layer->units, hidden, layer->units);
    for (int row = 0; row < ROWS; row++) {
        size_t unit = row * layer->padded + (size_t)block * WIDTH;
        VECTOR *result = (VECTOR *)(after + unit);
        if (cell == LSTM) {
            VECTOR *state = (VECTOR *)(memory + unit);
            VECTOR input = NAME(power_of_two)(sums[row][0]) + 1.0f, output = NAME(power_of_two)(sums[row][1]) + 1.0f;
            VECTOR forget = NAME(power_of_two)(sums[row][2]) + 1.0f, candidate = NAME(power_of_two)(sums[row][3]);
            VECTOR written = input * (candidate + 1.0f);
            *state = (*state * written + (1.0f - candidate) * forget) / (forget * written);
            VECTOR shown = NAME(power_of_two)(*state * TANH_SCALE);
            *result = (1.0f - shown) / (output * (shown + 1.0f));
        } else if (cell == GRU) {
            VECTOR update = NAME(power_of_two)(sums[row][0]), reset = NAME(power_of_two)(sums[row][1]) + 1.0f;
            VECTOR from_input = *(const VECTOR *)(inputs[row] + offset + 2 * WIDTH);
            VECTOR candidate = NAME(power_of_two)(from_input + sums[row][2] / reset), one = candidate + 1.0f;
            VECTOR old = *(const VECTOR *)(before + unit);
            *result = (old * one + update * (1.0f - candidate)) / ((update + 1.0f) * one);
        } else {
            VECTOR candidate = NAME(power_of_two)(sums[row][0]);
            *result = (1.0f - candidate) / (candidate + 1.0f);
        }
    }
}

/* One direction of a layer over all reviews of a batch. scratch: 3 * SLOTS * layer->padded floats. */
TARGET static void NAME(read_reviews)(const struct network *network, const struct layer *layer, int backward,
                                      struct review *reviews, int count, float *scratch)
{
    const struct direction *direction = &layer->direction[backward];
    size_t size = SLOTS * layer->padded;
    float *before = scratch, *after = scratch + size, *memory = scratch + 2 * size;
    struct review *slots[SLOTS] = {0};
    const float *inputs[SLOTS];
    int times[SLOTS] = {0}, next = 0;
    memset(scratch, 0, 3 * size * sizeof *scratch);
    for (;;) {
        unsigned busy = 0; /* a bit for each tile */
        for (int slot = 0; slot < SLOTS; slot++) {
            if (!slots[slot] && next < count) {
                slots[slot] = &reviews[next++];
                times[slot] = 0;
                start_state(network, layer, direction, slots[slot], before + slot * layer->padded,
                            memory + slot * layer->padded);
            }
            inputs[slot] =
                slots[slot] ? input_row(layer, direction, slots[slot], times[slot], backward) : direction->bias;
            busy |= (slots[slot] ? 1u : 0u) << slot / ROWS;
        }
        if (!busy)
            return;
        for (int block = 0; block < layer->blocks; block++)
            for (int first = 0; first < SLOTS; first += ROWS) {
                size_t row = first * layer->padded;
                if (!(busy >> first / ROWS & 1))
                    continue;
#define STEP(cell, gates)                                                                                              \
    NAME(step)(cell, gates, layer, direction, block, inputs + first, before + row, after + row, memory + row)
                switch (layer->cell) {
                case LSTM: STEP(LSTM, 4); break;
                case GRU: STEP(GRU, 3); break;
                default: STEP(SIMPLE_RNN, 1);
                }
#undef STEP
            }
        for (int slot = 0; slot < SLOTS; slot++)
            if (slots[slot]) {
                hand_on(network, layer, slots[slot], after + slot * layer->padded, times[slot]++, backward);
                if (times[slot] == slots[slot]->length)
                    slots[slot] = NULL;
            }
        float *swapped = before;
        before = after, after = swapped;
    }
}

#undef JOIN_
#undef JOIN
#undef NAME
#undef VECTOR
#undef BITS
#undef INLINE
#undef TARGET
#undef WIDTH
#undef ROWS
