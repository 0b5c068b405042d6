"""The demo: a real hyper-parameter sweep over scikit-learn's handwritten digits, logged at every mini-batch."""
