"""The stages of training: load -> vocabulary -> pad -> word vectors, if asked for -> train -> evaluate -> compare.

Each stage reads what the ones before it left in the working directory. It leaves its own result there, in a folder
named by a digest of its configuration and inputs. A stage whose folder is there is not run again: so any stage can be
run alone, and a killed pipeline goes on where it stopped. Training goes on from its last finished epoch.

All raise InputError for what the user can mend: reviews that cannot be read, a split that is empty or of one class.
"""
