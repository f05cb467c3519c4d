import { render } from 'preact';
import './styles/base.css';
import './styles/parts.css';
import { App } from './app.tsx';

const place = document.getElementById('app');
if (place !== null) {
  place.textContent = '';
  render(<App />, place);
}
