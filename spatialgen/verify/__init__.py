"""How good the answers are: the whole pipeline on scenes with known truth, judged by spec/question-types.md."""
