"""Small tokenizers of each kind, trained in the test on English and a little Korean, as real bases are."""

import math
from collections import Counter
from collections.abc import Callable

import embedding_data
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, LlamaConfig, PretrainedConfig, RobertaConfig, XLMRobertaConfig

ENGLISH = [f"The {who} {does} {what}{end}" for who in ("man", "woman", "singer", "teacher")
           for does in ("plays", "reads", "cooks", "was throwing") for what in ("the guitar", "a long book", "2 balls")
           for end in ".!?"]
KOREAN = embedding_data.small(seed=1).texts[:6]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def uncased() -> Tokenizer:
    """WordPiece as in all-MiniLM-L6-v2: the normaliser takes syllables apart, and rarer jamo are lacking."""
    return _wordpiece(normalizers.BertNormalizer(lowercase=True))


def cased() -> Tokenizer:
    """WordPiece whose normaliser leaves syllables whole."""
    return _wordpiece(normalizers.BertNormalizer(lowercase=False, strip_accents=False))


def byte_level() -> Tokenizer:
    """As GPT-2's and RoBERTa's; ``<mask>`` stands behind the model's vocabulary."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer.train_from_iterator([*ENGLISH, *KOREAN], trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    tokenizer.add_special_tokens(["<mask>"])
    return _between(tokenizer, "<s>", "</s>")


def marked() -> Tokenizer:
    """BPE over characters, a mark before each word and no pre-tokeniser: as Llama 2's, without its bytes."""
    return _marked(False)


def marked_bytes() -> Tokenizer:
    """As Llama 2's: what has no token of its own is spelt in bytes."""
    return _marked(True)


def unigram() -> Tokenizer:
    """As XLM-R's; ``<mask>`` stands behind the model's vocabulary."""
    # Scored by counting: the sums of the trainer depend on the order of a hash table.
    words = Counter(f"▁{word}" for text in [*ENGLISH, *KOREAN[:3]] for word in text.split())
    counts = words + Counter(c for word, count in words.items() for c in word for _ in range(count))
    total = sum(counts.values())
    pieces = [*((token, 0.0) for token in SPECIAL), *((p, math.log(n / total)) for p, n in sorted(counts.items()))]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=SPECIAL.index("<unk>")))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    tokenizer.add_special_tokens([*SPECIAL, "<mask>"])
    return _between(tokenizer, "<s>", "</s>")


KINDS: dict[str, tuple[Callable[[], Tokenizer], type[PretrainedConfig]]] = {
    "uncased": (uncased, BertConfig), "cased": (cased, BertConfig), "byte_level": (byte_level, RobertaConfig),
    "marked": (marked, LlamaConfig), "marked_bytes": (marked_bytes, LlamaConfig),
    "unigram": (unigram, XLMRobertaConfig),
}
"""Name → (builder, configuration of a network that goes with it)."""


def specials(tokenizer: Tokenizer) -> dict[str, str]:
    """The names under which transformers wants the special tokens."""
    bert = tokenizer.token_to_id("[UNK]") is not None
    names = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]") if bert else ("<pad>", "<unk>", "<s>", "</s>", "<mask>")
    keys = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return {key: name for key, name in zip(keys, names, strict=True) if tokenizer.token_to_id(name) is not None}


def _wordpiece(normalizer: normalizers.Normalizer) -> Tokenizer:
    # Its trainer numbers pieces in the order of a hash table: these are the English words, and all letters.
    pre = pre_tokenizers.BertPreTokenizer()
    words = sorted({word for text in [*ENGLISH, *KOREAN[:2]]
                    for word, _ in pre.pre_tokenize_str(normalizer.normalize_str(text))})
    letters = sorted({c for word in words for c in word})
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *letters, *(f"##{c}" for c in letters), *(w for w in words if w.isascii() and len(w) > 1)]
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    tokenizer.add_special_tokens(special)
    return _between(tokenizer, "[CLS]", "[SEP]")


def _marked(in_bytes: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=in_bytes, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    own = [f"<0x{i:02X}>" for i in range(256)] if in_bytes else []
    tokenizer.train_from_iterator([*ENGLISH, *KOREAN[:2]], trainers.BpeTrainer(
        vocab_size=150 + len(own), special_tokens=[*SPECIAL, *own], show_progress=False))
    tokenizer.pre_tokenizer = None
    return _between(tokenizer, "<s>", "</s>")


def _between(tokenizer: Tokenizer, start: str, end: str) -> Tokenizer:
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=[(token, tokenizer.token_to_id(token)) for token in (start, end)])
    return tokenizer
