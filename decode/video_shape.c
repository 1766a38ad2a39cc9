#include "decode/video_shape.h"

#include <string.h>

int hedon_picture_from_packet(HedonPicture *shape, const AVCodecParameters *parameters,
                              const uint8_t *data, int size)
{
    /* Parsers of other codecs don't look at the size or the pixel format. */
    if (parameters->codec_id != AV_CODEC_ID_H264 && parameters->codec_id != AV_CODEC_ID_HEVC &&
        parameters->codec_id != AV_CODEC_ID_AV1)
        return 0;
    int found = 0;
    AVCodecParserContext *parser = av_parser_init(parameters->codec_id);
    AVCodecContext *codec = avcodec_alloc_context3(NULL);
    if (parser && codec && avcodec_parameters_to_context(codec, parameters) >= 0) {
        uint8_t *out;
        int out_size;
        parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
        av_parser_parse2(parser, codec, &out, &out_size, data, size, AV_NOPTS_VALUE, AV_NOPTS_VALUE,
                         0);
        found = parser->width > 0 && parser->height > 0 && parser->format >= 0;
        *shape = (HedonPicture){parser->width, parser->height, (enum AVPixelFormat)parser->format};
    }
    avcodec_free_context(&codec);
    if (parser) av_parser_close(parser);
    return found;
}

HedonOrientation hedon_picture_orientation(const AVStream *stream)
{
    size_t size = 0;
    const uint8_t *data = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    int32_t matrix[9];
    if (!data || size < sizeof matrix) return (HedonOrientation){0};
    memcpy(matrix, data, sizeof matrix);
    return hedon_orientation_from_matrix(matrix);
}
