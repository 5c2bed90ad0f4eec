/**
 * The rectifier of preset 512T in plain tfjs operators: 3x3 convolution, L blocks of linear
 * attention with a 5x5 aggregation branch and GLU-MBConv, normalisation, 3x3 convolution; with mean
 * squared error and AdamW. A workload for timing, written for this benchmark; the real one is a
 * plugin.
 */

/**
 * A model over latents [n,8,8,32]; `width` 512 and `blocks` 3 give the 14 million parameters of
 * 512T.
 */
export function createRectifier(tf, { width = 512, blocks = 3, latent = 32, headSize = 32 } = {}) {
  const variables = [];
  let seed = 1;
  const weight = (shape, fanIn) => {
    const variable = tf.variable(
      tf.randomUniform(shape, -1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn), "float32", seed++),
    );
    variables.push(variable);
    return variable;
  };
  const filled = (size, value) => {
    const variable = tf.variable(tf.fill([size], value));
    variables.push(variable);
    return variable;
  };
  const heads = width / headSize;
  const norm = () => ({ scale: filled(width, 1), shift: filled(width, 0) });
  const inConv = weight([3, 3, latent, width], 9 * latent);
  const layers = Array.from({ length: blocks }, () => ({
    qkv: weight([1, 1, width, 3 * width], width),
    aggregate: weight([5, 5, 3 * width, 1], 25),
    mix: weight([3 * heads, headSize, headSize], headSize),
    project: weight([1, 1, 2 * width, width], 2 * width),
    attentionNorm: norm(),
    expand: weight([1, 1, width, 8 * width], width),
    expandBias: filled(8 * width, 0),
    depthwise: weight([3, 3, 8 * width, 1], 9),
    depthwiseBias: filled(8 * width, 0),
    reduce: weight([1, 1, 4 * width, width], 4 * width),
    mlpNorm: norm(),
  }));
  const outNorm = norm();
  const outConv = weight([3, 3, width, latent], 9 * width);

  const rms = (x, { scale, shift }) =>
    tf.add(tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), 1e-5))), scale), shift);
  const silu = (x) => tf.mul(x, tf.sigmoid(x));

  function attention(x, layer) {
    const [n, height, width_] = x.shape;
    const pixels = height * width_;
    const qkv = tf.conv2d(x, layer.qkv, 1, "same");
    const spread = tf.depthwiseConv2d(qkv, layer.aggregate, 1, "same");
    const grouped = tf.transpose(tf.reshape(spread, [n * pixels, 3 * heads, headSize]), [1, 0, 2]);
    const mixed = tf.reshape(tf.transpose(tf.matMul(grouped, layer.mix), [1, 0, 2]), [n, height, width_, 3 * width]);
    const both = tf.reshape(tf.concat([qkv, mixed], 3), [n, pixels, 2 * heads, 3 * headSize]);
    const [q, k, v] = tf.split(tf.transpose(both, [0, 2, 1, 3]), 3, 3);
    const keys = tf.relu(k);
    const ones = tf.ones([n, 2 * heads, pixels, 1]);
    const sums = tf.matMul(keys, tf.concat([v, ones], 3), true, false);
    const mixedValues = tf.matMul(tf.relu(q), sums);
    const [values, total] = tf.split(mixedValues, [headSize, 1], 3);
    const out = tf.div(values, tf.add(total, 1e-15));
    const merged = tf.reshape(tf.transpose(out, [0, 2, 1, 3]), [n, height, width_, 2 * width]);
    return rms(tf.conv2d(merged, layer.project, 1, "same"), layer.attentionNorm);
  }

  function gatedMlp(x, layer) {
    const wide = silu(tf.add(tf.conv2d(x, layer.expand, 1, "same"), layer.expandBias));
    const [value, gate] = tf.split(
      tf.add(tf.depthwiseConv2d(wide, layer.depthwise, 1, "same"), layer.depthwiseBias),
      2,
      3,
    );
    return rms(tf.conv2d(tf.mul(value, silu(gate)), layer.reduce, 1, "same"), layer.mlpNorm);
  }

  function rectify(x) {
    let hidden = tf.add(tf.conv2d(x, inConv, 1, "same"), tf.tile(x, [1, 1, 1, width / latent]));
    for (const layer of layers) {
      hidden = tf.add(hidden, attention(hidden, layer));
      hidden = tf.add(hidden, gatedMlp(hidden, layer));
    }
    return tf.conv2d(tf.relu(rms(hidden, outNorm)), outConv, 1, "same");
  }
  return { variables, rectify };
}

/**
 * AdamW made of tf operators; `step(gradients, t)` updates the variables and disposes the
 * gradients.
 */
export function createAdamW(tf, variables, { learningRate = 5e-4, weightDecay = 1e-4 } = {}) {
  const state = variables.map((variable) => ({
    variable,
    m: tf.variable(tf.zeros(variable.shape)),
    v: tf.variable(tf.zeros(variable.shape)),
  }));
  return {
    step(gradients, t) {
      tf.tidy(() => {
        const rate = tf.scalar(learningRate);
        const correction1 = tf.scalar(1 / (1 - 0.9 ** t));
        const correction2 = tf.scalar(1 / (1 - 0.999 ** t));
        const decay = tf.scalar(1 - learningRate * weightDecay);
        for (const { variable, m, v } of state) {
          const gradient = gradients[variable.name];
          m.assign(tf.add(tf.mul(m, 0.9), tf.mul(gradient, 0.1)));
          v.assign(tf.add(tf.mul(v, 0.999), tf.mul(tf.square(gradient), 0.001)));
          const change = tf.div(tf.mul(m, correction1), tf.add(tf.sqrt(tf.mul(v, correction2)), 1e-8));
          variable.assign(tf.sub(tf.mul(variable, decay), tf.mul(rate, change)));
        }
      });
      tf.dispose(gradients);
    },
  };
}
