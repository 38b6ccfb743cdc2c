/* Loading a network: takes the arrays that Python lays out, and checks the size of each. */

static void free_network(struct network *network)
{
    while (network->buffers)
        PyBuffer_Release(&network->buffer[--network->buffers]);
    free(network->layer[0].direction[0].table);
    free(network->layer[0].direction[1].table);
    free(network->words);
    free(network);
}

static void free_capsule(PyObject *capsule)
{
    free_network(PyCapsule_GetPointer(capsule, "sentiment.network"));
}

static void *new_array(size_t count, size_t size)
{
    return aligned_alloc(ALIGNMENT, (count * size / ALIGNMENT + 1) * ALIGNMENT);
}

/* Keep the next of Python's arrays, which must hold `count` elements of a size; count < 0: any number. */
static const void *take(struct network *network, PyObject *arrays, Py_ssize_t count, size_t size)
{
    PyObject *array = PyTuple_GetItem(arrays, network->buffers);
    if (!array || network->buffers == MOST_BUFFERS ||
        PyObject_GetBuffer(array, &network->buffer[network->buffers], PyBUF_SIMPLE))
        return NULL;
    const Py_buffer *buffer = &network->buffer[network->buffers++];
    size_t alignment = size == sizeof(float) && buffer->len ? ALIGNMENT : 1;
    size_t found = buffer->len / size;
    if (buffer->len % size == 0 && (uintptr_t)buffer->buf % alignment == 0 && (count < 0 || found == (size_t)count))
        return buffer->buf;
    PyErr_Format(PyExc_ValueError, "array %d has %zd bytes instead of %zd * %zu", network->buffers - 1, buffer->len,
                 count, size);
    return NULL;
}

static Py_ssize_t elements(const struct network *network, size_t size)
{
    return network->buffer[network->buffers - 1].len / (Py_ssize_t)size;
}

static int load_direction(struct network *network, struct layer *layer, struct direction *direction, PyObject *arrays)
{
    size_t states = (size_t)(layer->cell == LSTM ? 2 : 1) * (network->maxlen + 1) * layer->units;
    return (direction->kernel = take(network, arrays, layer->row * layer->features, sizeof(float))) &&
           (direction->recurrent = take(network, arrays, layer->row * layer->units, sizeof(float))) &&
           (direction->bias = take(network, arrays, layer->row, sizeof(float))) &&
           (direction->candidate_bias = take(network, arrays, layer->padded, sizeof(float))) &&
           (direction->states = take(network, arrays, network->padding == TABULATED ? states : 0, sizeof(float)));
}

static int load_layers(struct network *network, PyObject *arrays, const Py_buffer *embedding, const int *units,
                       int width)
{
    size_t vector = network->num_words * sizeof(float), features = embedding->len / vector;
    if (features < 1 || features > MOST_UNITS || embedding->len % vector || (uintptr_t)embedding->buf % ALIGNMENT)
        return 0;
    for (int number = 0; number < network->layers; number++) {
        struct layer *layer = &network->layer[number];
        layer->cell = network->cell;
        layer->features = (int)features;
        layer->units = units[number];
        if (layer->units < 1 || layer->units > MOST_UNITS)
            return 0;
        layer->blocks = (layer->units + width - 1) / width;
        layer->padded = (size_t)layer->blocks * width;
        layer->row = layer->padded * GATES[layer->cell];
        for (int which = 0; which < network->directions; which++) {
            struct direction *direction = &layer->direction[which];
            if (!load_direction(network, layer, direction, arrays))
                return 0;
            if (number)
                continue;
            if (!(direction->table = new_array(layer->row * network->num_words, sizeof(float))))
                return 0;
            network->kernels->input_product(layer, direction, embedding->buf, network->num_words, direction->table);
        }
        features = (size_t)network->directions * layer->units;
    }
    network->features = (int)features * (network->pooling == MAX_MEAN ? 2 : 1);
    return 1;
}

static int load_words(struct network *network, PyObject *arrays)
{
    if (!(network->classes = take(network, arrays, 256, 1)) || !(network->letters = take(network, arrays, -1, 1)))
        return 0;
    network->letters_size = elements(network, 1);
    if (!(network->ends = take(network, arrays, -1, sizeof(int32_t))))
        return 0;
    size_t count = elements(network, sizeof(int32_t)), slots = 8;
    if (count > (size_t)network->num_words - INDEX_FROM)
        return 0;
    while (slots < 2 * count)
        slots *= 2;
    network->mask = (uint32_t)slots - 1;
    if (!(network->words = new_array(slots, sizeof *network->words)))
        return 0;
    memset(network->words, 0, slots * sizeof *network->words);
    return add_words(network, count);
}

/* load(width, cell, maxlen, padding, pooling, directions, cut_end, line_breaks, shortens, num_words, units, embedding,
        arrays) */
static PyObject *load(PyObject *module, PyObject *arguments)
{
    (void)module;
    struct network *network = calloc(1, sizeof *network);
    Py_buffer units, embedding;
    PyObject *arrays, *capsule = NULL;
    int width, chosen = 0;
    if (!network)
        return PyErr_NoMemory();
    if (PyArg_ParseTuple(arguments, "iiiiiiiiiiy*y*O!", &width, &network->cell, &network->maxlen, &network->padding,
                         &network->pooling, &network->directions, &network->cut_end, &network->line_breaks,
                         &network->shortens, &network->num_words, &units, &embedding, &PyTuple_Type, &arrays)) {
        while (chosen < KERNEL_COUNT && (KERNELS[chosen].width != width || !runs_here(chosen)))
            chosen++;
        network->layers = (int)(units.len / sizeof(int) < MOST_LAYERS ? units.len / sizeof(int) : MOST_LAYERS);
        if (chosen < KERNEL_COUNT && network->cell >= LSTM && network->cell <= SIMPLE_RNN && network->maxlen >= 2 &&
            network->maxlen <= MOST_TOKENS && network->padding >= SKIPPED && network->padding <= TABULATED &&
            network->pooling >= LAST && network->pooling <= MAX_MEAN && network->directions >= 1 &&
            network->directions <= 2 && network->layers >= 1 && network->num_words > INDEX_FROM &&
            network->num_words <= MOST_WORDS) {
            network->kernels = &KERNELS[chosen];
            if (load_layers(network, arrays, &embedding, units.buf, width) && load_words(network, arrays) &&
                (network->dense = take(network, arrays, network->features + 1, sizeof(float))))
                capsule = PyCapsule_New(network, "sentiment.network", free_capsule);
        }
        if (!capsule && !PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "the network is out of the core's range");
        PyBuffer_Release(&units);
        PyBuffer_Release(&embedding);
    }
    if (!capsule)
        free_network(network);
    return capsule;
}
