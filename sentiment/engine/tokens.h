/* From an ASCII text to the indices of its tokens, as sentiment/data/tokenizer.py and vocabulary.py give them. */

/* What of a token the hash table compares first: its last 8 characters in the order of reading, and a hash of all. */
struct token {
    uint64_t key;
    uint32_t hash, length;
};

static void append(struct token *token, unsigned char character)
{
    token->hash = (token->hash ^ token->key >> 56) * 16777619u; /* FNV-1 of what leaves the key */
    token->key = token->key << 8 | character;
    token->length++;
}

static uint32_t first_slot(const struct network *network, const struct token *token)
{
    return (uint32_t)((token->key ^ token->hash) * 0x9E3779B97F4A7C15u >> 32) & network->mask;
}

/* Enter the words into the hash table: word i is what stands in network->text from ends[i - 1] to ends[i]. */
static int add_words(struct network *network, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int32_t start = i ? network->ends[i - 1] : 0, end = network->ends[i];
        if (end < start || end > network->letters_size)
            return 0;
        int32_t size = end - start;
        struct token token = {0};
        for (int32_t letter = 0; letter < size; letter++)
            append(&token, network->letters[start + (network->cut_end ? letter : size - 1 - letter)]);
        uint32_t slot = first_slot(network, &token);
        while (network->words[slot].index)
            slot = (slot + 1) & network->mask;
        network->words[slot] = (struct word){token.key, token.length, (int32_t)i + INDEX_FROM};
    }
    return 1;
}

/* The class of a character of a text, or of a token in it, by its place in the order of reading. */
static unsigned char class_at(const struct network *network, const unsigned char *text, size_t size, size_t place)
{
    return network->classes[text[network->cut_end ? place : size - 1 - place]];
}

/* Go over letters that are alike; returns how many of them count: of three and more, `most`, but all where that is 0. */
static size_t read_run(const struct network *network, const unsigned char *text, size_t size, size_t *place, int most)
{
    size_t start = *place;
    unsigned char letter = class_at(network, text, size, start);
    while (*place < size && class_at(network, text, size, *place) == letter)
        (*place)++;
    size_t run = *place - start;
    return most && run > 2 && letter >= 'a' && letter <= 'z' ? (size_t)most : run;
}

static int is_spelled(const struct network *network, const unsigned char *letters, size_t length,
                      const unsigned char *text, size_t size, int most)
{
    for (size_t place = 0, known = 0; place < size;) {
        unsigned char letter = class_at(network, text, size, place) % MARK;
        for (size_t count = read_run(network, text, size, &place, most); count--; known++)
            if (letters[network->cut_end ? known : length - 1 - known] != letter)
                return 0;
    }
    return 1;
}

/* The index of a token, which takes up `size` characters of the text; `most` is that of read_run. */
static int32_t index_of(const struct network *network, const struct token *token, const unsigned char *text,
                        size_t size, int most)
{
    for (uint32_t slot = first_slot(network, token);; slot = (slot + 1) & network->mask) {
        const struct word *word = &network->words[slot];
        if (!word->index)
            return OUT_OF_VOCABULARY;
        if (word->key != token->key || word->length != token->length)
            continue;
        const unsigned char *letters = network->letters + network->ends[word->index - INDEX_FROM] - token->length;
        if (token->length <= sizeof word->key || is_spelled(network, letters, token->length, text, size, most))
            return word->index;
    }
}

/* The index of a token that is not known: with two of each letter that it has three or more times in a row, or one. */
static int32_t index_of_lengthened(const struct network *network, const unsigned char *text, size_t size)
{
    int32_t index = OUT_OF_VOCABULARY;
    for (int most = 2; most && index == OUT_OF_VOCABULARY; most--) {
        struct token token = {0};
        for (size_t place = 0; place < size;) {
            unsigned char letter = class_at(network, text, size, place) % MARK;
            for (size_t count = read_run(network, text, size, &place, most); count--;)
                append(&token, letter);
        }
        if (token.length == size)
            break;
        index = index_of(network, &token, text, size, most);
    }
    return index;
}

static int is_space(unsigned char c)
{
    return c == ' ' || (c >= 9 && c <= 13) || (c >= 28 && c <= 31);
}

/* Whether the br from first to end is that of <br>, <br/>, <br /> ... */
static int is_line_break(const unsigned char *text, size_t size, size_t first, size_t end)
{
    if (!first || text[first - 1] != '<')
        return 0;
    while (end < size && is_space(text[end]))
        end++;
    end += end < size && text[end] == '/';
    return end < size && text[end] == '>';
}

/* The indices of a text: at most maxlen, the start token included. A text that is cut at its beginning is read from
   its end. tokens: room for maxlen; returns how many there are. */
static int encode(const struct network *network, const unsigned char *text, size_t size, int32_t *tokens)
{
    const int most = network->maxlen, forward = network->cut_end;
    const uint64_t line_break = forward ? 'b' << 8 | 'r' : 'r' << 8 | 'b';
    int count = 0;
    if (forward)
        tokens[count++] = START;
#define CLASS_AT(position) network->classes[text[forward ? (position) : size - 1 - (position)]]
    for (size_t position = 0, start; count < most;) { /* in the order of reading */
        while (position < size && CLASS_AT(position) == SEPARATOR)
            position++;
        if (position == size)
            break;
        struct token token = {0};
        start = position++;
        append(&token, CLASS_AT(start) % MARK);
        if (CLASS_AT(start) < MARK)
            for (; position < size && CLASS_AT(position) < MARK; position++)
                append(&token, CLASS_AT(position));
        size_t first = forward ? start : size - position, end = forward ? position : size - start;
        if (token.key == line_break && token.length == 2 && network->line_breaks &&
            is_line_break(text, size, first, end))
            continue;
        int32_t index = index_of(network, &token, text + first, end - first, 0);
        if (index == OUT_OF_VOCABULARY && network->shortens)
            index = index_of_lengthened(network, text + first, end - first);
        tokens[forward ? count : most - 1 - count] = index;
        count++;
    }
#undef CLASS_AT
    if (!forward) {
        if (count < most)
            tokens[most - 1 - count++] = START;
        memmove(tokens, tokens + most - count, count * sizeof *tokens);
    }
    return count;
}
