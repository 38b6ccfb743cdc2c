"""Files of reviews: found and told apart (`files`), read chunk by chunk (`reader`), and written (`writer`)."""
