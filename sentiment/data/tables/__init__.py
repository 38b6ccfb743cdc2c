"""Tables of reviews, read in chunks (`reader`); how the rows of texts are written (`text_rows`)."""
