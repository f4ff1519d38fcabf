"""What Keras keeps from one model to the next."""

from __future__ import annotations

import keras

from tuners.private_apis import objects_of_scopes


def clear_session() -> None:
    """Forget names and graphs of earlier models, and nothing that the user has set.

    `keras.backend.clear_session` forgets the dtype policy as well, so that mixed precision would end with the first
    trial, the custom objects of the scope that is in force, and whether Keras logs to the terminal, filters tracebacks
    and uses flash attention.
    """
    config = keras.config
    policy, floatx = config.dtype_policy(), config.floatx()
    logs, filters = config.is_interactive_logging_enabled(), config.is_traceback_filtering_enabled()
    objects = objects_of_scopes()
    flash = config.is_flash_attention_enabled()
    keras.backend.clear_session(free_memory=False)
    if policy.name != floatx:  # Else it follows floatx, which a model may set when it is built.
        config.set_dtype_policy(policy)
    if objects:  # The user's own scope, which is still open, is what ends this one.
        keras.saving.CustomObjectScope(objects).__enter__()
    if not logs:
        config.disable_interactive_logging()
    if not filters:
        config.disable_traceback_filtering()
    if flash is False:
        config.disable_flash_attention()
