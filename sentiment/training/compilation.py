"""is_compiled: whether training runs its own compiled loops and steps, or those of Keras."""

import functools

import tensorflow as tf


@functools.cache
def is_compiled() -> bool:
    """Whether XLA compiles the time loops and the steps of large arrays.

    It does not where there is a GPU, whose own kernels are faster, and where TensorFlow was built without XLA for the
    processor. Keras' own loops and steps run there.
    """
    if tf.config.list_physical_devices("GPU"):
        return False
    try:
        with tf.init_scope():
            tf.function(tf.linalg.matmul, jit_compile=True, autograph=False)(tf.eye(2), tf.eye(2))
    except tf.errors.OpError:
        return False
    return True
