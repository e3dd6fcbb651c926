"""The provider MPS: Tencent Cloud's Media Processing Service, API version 2019-06-12."""
