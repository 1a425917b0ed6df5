"""A tiny random sentence encoder, saved as sentence-transformers saves one."""

from __future__ import annotations

import shutil
import string
from pathlib import Path

import torch

DIMENSION = 16
MAX_TOKENS = 48


def write_encoder(folder: Path, seed: int = 0) -> Path:
    """Write a BERT of one layer that reads characters, and return its folder."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    characters = string.ascii_lowercase + string.digits + ".,"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]
    tokens += [f"##{character}" for character in characters]
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=DIMENSION,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    torch.manual_seed(seed)
    network = folder / "network"
    BertModel(config).save_pretrained(network)
    BertTokenizer(vocab={token: n for n, token in enumerate(tokens)}).save_pretrained(network)
    modules = [Transformer(str(network), max_seq_length=MAX_TOKENS), Pooling(DIMENSION)]
    SentenceTransformer(modules=modules).save(str(folder))
    shutil.rmtree(network)
    return folder
