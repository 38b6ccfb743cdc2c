"""Builds the scoring core. Where there is no C compiler, the package installs without it."""

from setuptools import Extension, setup

CORE = Extension(
    "sentiment.engine._native",
    ["sentiment/engine/native.c"],
    depends=[f"sentiment/engine/{part}.h" for part in ("network", "loading", "tokens", "recurrence")],
    define_macros=[("Py_LIMITED_API", "0x030B0000")],
    extra_compile_args=["-O3", "-std=gnu11"],
    py_limited_api=True,
    optional=True,
)

setup(ext_modules=[CORE], options={"bdist_wheel": {"py_limited_api": "cp311"}})
