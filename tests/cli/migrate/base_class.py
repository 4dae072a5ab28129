from dilated_attention_pytorch import DilatedAttention
from other_package import DilatedAttention as Unrelated

scaled = DilatedAttention([64, 128], [1, 2], softmax_scale=0.125, attention_dropout=0.1)
misspelt = DilatedAttention([64], [1], atention_dropout=0.1)
elsewhere = Unrelated([64], [1])
