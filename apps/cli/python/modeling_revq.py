"""The tokenizer as a model of transformers.

    model = AutoModel.from_pretrained("folder", trust_remote_code=True)
    ids = model.encode(model.preprocess(image)[None])
    images = model.decode(ids)
"""

from transformers import PretrainedConfig, PreTrainedModel

from .tokenizer import RevqTokenizer


class RevqConfig(PretrainedConfig):
    model_type = "revq"


class RevqModel(PreTrainedModel):
    config_class = RevqConfig
    base_model_prefix = "tokenizer"
    main_input_name = "pixel_values"

    def __init__(self, config):
        super().__init__(config)
        self.tokenizer = RevqTokenizer(config.to_dict())
        self.post_init()

    def _init_weights(self, module):
        """All weights are in the file."""

    def forward(self, pixel_values):
        """images [n, 3, S, S] in [-1, 1] -> ids int64 [n, T]"""
        return self.encode(pixel_values)

    def preprocess(self, image):
        return self.tokenizer.preprocess(image)

    def postprocess(self, image):
        return self.tokenizer.postprocess(image)

    def encode(self, images):
        return self.tokenizer.encode(images)

    def decode(self, ids):
        return self.tokenizer.decode(ids)
