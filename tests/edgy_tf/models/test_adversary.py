import keras
import numpy as np

from edgy_tf.models.adversary import Adversary


def test_it_learns_a_leak_and_nothing_where_there_is_none() -> None:
    """Codes whose mean tells the gender are found out; codes of pure chance are not."""
    rng = np.random.default_rng(0)
    gender = rng.integers(1, 3, 256)
    chance = rng.standard_normal((256, 10, 4)).astype(np.float32)
    leak = chance + 1.5 * (gender[:, None, None] - 1.5).astype(np.float32)

    def unseen_accuracy(codes: np.ndarray) -> float:
        keras.utils.set_random_seed(0)
        adversary = Adversary({"speakers": 5, "genders": 3})
        x = keras.Input((10, 4))
        model = keras.Model(x, adversary(x)[1])
        assert adversary(codes[:3])[0].shape == (3, 5)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(1e-3), loss)
        model.fit(codes[:192], gender[:192], epochs=5, verbose=0)
        return float(np.mean(np.argmax(model(codes[192:]), -1) == gender[192:]))

    assert unseen_accuracy(leak) > 0.9
    assert unseen_accuracy(chance) < 0.75
