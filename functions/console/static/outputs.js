// Addresses of output files.
import { storage } from './api.js';

const MEDIA = 'mediarelay.media';
const HOST_PART = /^[a-z0-9][a-z0-9-]*$/i;

/** Return the address before the host of each bucket, or an empty text for the buckets themselves. */
export const readMedia = () => storage.getItem(MEDIA) ?? '';

/** @param {string} address such as `http://127.0.0.1:9000/cos/` */
export const saveMedia = (address) => storage.setItem(MEDIA, /^https?:\/\/[^?#]+\/$/.test(address.trim()) ? address.trim() : '');

/**
 * Return the address of an output in a bucket of the object storage, or null if the bucket is unknown.
 * @param {{app_id?: number, bucket?: string, region?: string}} place
 * @param {string} path
 */
export function outputUrl(place, path) {
  const { app_id: account, bucket, region } = place;
  if (!account || !HOST_PART.test(bucket ?? '') || !HOST_PART.test(region ?? '')) return null;
  // Long names of regions, such as ap-shanghai, follow a dot.
  const host = `${bucket}-${Number(account)}.cos${region?.includes('-') ? '.' : ''}${region}.myqcloud.com`;
  const key = path.replace(/^\/*/, '/').split('/').map(encodeURIComponent).join('/');
  return `${readMedia() || 'https://'}${host}${key}`;
}
